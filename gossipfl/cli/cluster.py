"""`gossipfl up`: every peer a real process on this machine, watched through the records that it writes.

Rules:
- Nobody coordinates: processes are started, read, and treated as the experiment says; never spoken to.
- Whatever happens here, no process is left behind.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import numpy as np
import typer

from gossipfl.cli.board import board
from gossipfl.cli.foresee import Foreseen, foresee
from gossipfl.cli.happenings import Cut, Deed, GoOn, Happenings, Heal, Kill, Leave, Pause, Start
from gossipfl.cli.prepare import prepare
from gossipfl.cli.process import Process, total
from gossipfl.cli.shuttle import Pair, Shuttle
from gossipfl.errors import RunError, SettingsError
from gossipfl.protocol.events import Refused, Regarded, RoundClosed
from gossipfl.protocol.messages import PeerId

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.recorder import Recorder
    from gossipfl.report import Run

POLL_S = 0.02
STOP_S = 10.0
PEERS_MAX = 256
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run_cluster(federation: Federation, folder: Path, foreseen: Foreseen | None = None) -> Run:
    """Run `federation` as processes whose folders are under `folder`/nodes.

    What happens to them is `foreseen`, or else what the experiment says.
    """
    from gossipfl.engines import run_of

    began = time.perf_counter()
    foreseen = foreseen or foresee(federation)
    homes, lanes = prepare(federation, folder, foreseen.carried(federation))
    told = foreseen.environments
    nodes = [Process(number, home, told.get(number)) for number, home in enumerate(homes)]
    shuttle = Shuttle(lanes, foreseen.weather)
    cluster = _Cluster(federation, nodes, Happenings(foreseen.expected), shuttle)
    with shuttle.running(), cluster.running(), board(federation, nodes, cluster.recorder.records):
        while cluster.poll():
            time.sleep(POLL_S)
    recorder = cluster.recorder
    recorder.close()
    summary = recorder.summary() | {
        "engine": "up",
        "wall_s": time.perf_counter() - began,
    }
    return run_of(federation, recorder, summary)


def check_cluster(federation: Federation) -> None:
    """Refuse what real processes cannot honour. Raises `SettingsError`."""
    from gossipfl.engines import check_moments

    check_moments(federation)
    foresee(federation)
    if federation.experiment.run.engine == "crowd":
        raise SettingsError("A crowd has no processes: simulate it, or leave out run.engine.")
    if federation.peers > PEERS_MAX:
        raise SettingsError(
            f"{federation.peers} processes are too many for one machine: simulate, or take up to {PEERS_MAX}."
        )


class _Cluster:
    def __init__(
        self, federation: Federation, nodes: list[Process], happenings: Happenings, shuttle: Shuttle
    ) -> None:
        from gossipfl.experiment.recorder import Recorder

        self.nodes = nodes
        self.recorder: Recorder = Recorder(federation, lambda: total([node.traffic for node in nodes]))
        self._federation = federation
        self._happenings = happenings
        self._shuttle = shuttle
        self._cuts: dict[int, frozenset[Pair]] = {}
        self._starting: set[PeerId] = set()  # as soon as they have ended
        self._began = time.time()
        self._ended: set[PeerId] = set()

    @property
    def _now_s(self) -> float:
        return time.time() - self._began

    @contextmanager
    def running(self) -> Iterator[None]:
        """All processes run within the block, and none after it; SIGTERM and SIGHUP end it as Ctrl-C does."""
        before = {number: signal.signal(number, _interrupt) for number in _ENDING}
        try:
            for node in self.nodes:
                node.start()
            yield
        except KeyboardInterrupt:
            typer.echo(f"Stopping {sum(node.alive for node in self.nodes)} processes ...", err=True)
            raise
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop_all(self) -> None:
        try:
            for node in self.nodes:
                node.stop()
            for node in self.nodes:
                node.wait(STOP_S)
        finally:  # somebody lost patience
            for node in self.nodes:
                node.end_now()

    def poll(self) -> bool:
        """Read what is new and do what is due; whether anything still runs."""
        self._shuttle.check()
        self._do_all(self._happenings.passed(self._now_s))
        for node in self.nodes:
            alive = node.alive
            for record in node.news():
                self._take(node, record)
            if not alive and node.number not in self._ended:
                self._end(node)
            elif not node.begun and self._is_alone(node):
                node.stop()
        self._start_who_has_ended()
        return len(self._ended) < len(self.nodes)

    def _take(self, node: Process, record: dict[str, Any]) -> None:
        time_s = record["unix_s"] - self._began
        neighbours = self._federation.topology.neighbours(node.number)
        match record["kind"]:
            case "round":
                self._take_round(node, record, time_s)
            case "refused":
                sender = neighbours[record["sender"] - 1] if record["sender"] else -1
                self.recorder.observe(node.number, time_s, Refused(sender, record["reason"]))
            case "regarded":
                other = neighbours[record["neighbour"] - 1]
                self.recorder.observe(node.number, time_s, Regarded(other, record["state"]))
            case "link":
                other = neighbours[record["neighbour"] - 1]
                self.recorder.linked(node.number, time_s, other, record["state"])
        self._do_all(self._happenings.reached(node.number, node.round + 1))

    def _take_round(self, node: Process, record: dict[str, Any], time_s: float) -> None:
        node.round, node.begun = record["round"], True
        kept = node.path / "state" / "rounds" / f"{node.round}.npy"
        if kept.exists():
            vector = np.load(kept, allow_pickle=False)
            counts = {name: record[name] for name in ("heard", "missing", "stale", "duration_s")}
            self.recorder.observe(node.number, time_s, RoundClosed(node.round, vector, **counts))

    def _do_all(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Start(peer):
                    self._starting.add(peer)
                case Cut(number, pairs):
                    self._cuts[number] = pairs
                    self._part("partitioned", number)
                case Heal(number):
                    self._cuts.pop(number, None)
                    self._part("healed", number)
                case _:
                    self._treat(self.nodes[deed.peer], deed)

    def _treat(self, node: Process, deed: Kill | Leave | Pause | GoOn) -> None:
        now_s = self._now_s
        match deed:
            case GoOn():
                if node.paused:
                    node.go_on()
                    self.recorder.mark("continued", node.number, now_s)
            case _ if not node.alive:
                pass  # it has finished, or something else befell it before
            case Kill():
                node.kill()
                self.recorder.killed(node.number, now_s)
            case Leave():
                node.leave()
                self.recorder.mark("left", node.number, now_s)
            case Pause():
                node.pause()
                self.recorder.mark("paused", node.number, now_s, seconds=deed.seconds)
                self._happenings.later(now_s + deed.seconds, GoOn(node.number))

    def _part(self, kind: str, number: int) -> None:
        """Have the links that are cut now be cut, and no others."""
        cut = frozenset[Pair]().union(*self._cuts.values())
        self._shuttle.cut(cut)
        ends = {peer for pair in cut for peer in pair}
        for node in self.nodes:
            node.cut = node.number in ends
        self.recorder.mark(kind, None, self._now_s, partition=number)

    def _start_who_has_ended(self) -> None:
        for number in sorted(self._starting & self._ended):
            self._starting.discard(number)
            self._ended.discard(number)
            self.nodes[number].start()

    def _will_start(self, number: PeerId) -> bool:
        return number in self._starting or self._happenings.will_start(number)

    def _is_alone(self, node: Process) -> bool:
        """Whether it waits in vain: none of its neighbours runs, or will be started again."""
        neighbours = self._federation.topology.neighbours(node.number)
        return all(other in self._ended and not self._will_start(other) for other in neighbours)

    def _end(self, node: Process) -> None:
        if node.failed:
            raise RunError(f"Peer {node.number} failed: {node.last_words()}")
        if not node.killed:
            node.read_summary()
        self._ended.add(node.number)
        self.recorder.gone(node.number)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt
