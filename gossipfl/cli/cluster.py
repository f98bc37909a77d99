"""`gossipfl up`: every peer a real process on this machine, watched through the records that it writes.

Rules:
- Nobody coordinates: processes are started, read, and treated as the experiment says; never spoken to.
- Whatever happens here, no process is left behind.
"""

from __future__ import annotations

import math
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
from gossipfl.cli.prepare import prepare
from gossipfl.cli.process import Process, total
from gossipfl.cli.shuttle import Shuttle
from gossipfl.cli.stage import ProcessStage
from gossipfl.errors import RunError, SettingsError
from gossipfl.protocol.events import Quarantined, Refused, Regarded, RoundClosed
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.plans import Fault
from gossipfl.simulator.mishaps import Mishaps

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
    carried = foreseen.carried(_neighbours(federation), federation.experiment.run.seed)
    homes, lanes = prepare(federation, folder, carried)
    told = foreseen.environments
    nodes = [Process(number, home, told.get(number)) for number, home in enumerate(homes)]
    shuttle = Shuttle(lanes, foreseen.weather)
    cluster = _Cluster(federation, nodes, shuttle, foreseen.faults)
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
    foresee(federation).carried(_neighbours(federation), federation.experiment.run.seed)
    if federation.assault is not None:
        raise SettingsError(
            "[attack] is for `gossipfl simulate`: real peers say what they mean, so leave the section out."
        )
    if federation.experiment.run.engine == "crowd":
        raise SettingsError("A crowd has no processes: simulate it, or leave out run.engine.")
    if federation.peers > PEERS_MAX:
        raise SettingsError(
            f"{federation.peers} processes are too many for one machine: simulate, or take up to {PEERS_MAX}."
        )


class _Cluster:
    def __init__(
        self, federation: Federation, nodes: list[Process], shuttle: Shuttle, faults: tuple[Fault, ...]
    ) -> None:
        from gossipfl.experiment.recorder import Recorder

        self.nodes = nodes
        self.recorder: Recorder = Recorder(federation, lambda: total([node.traffic for node in nodes]))
        self._federation = federation
        self._shuttle = shuttle
        self._began = time.time()
        self._ended: set[PeerId] = set()
        self._stage = ProcessStage(nodes, shuttle, self.recorder, faults, lambda: time.time() - self._began)
        seed = federation.experiment.run.seed
        self._mishaps = Mishaps(faults, _neighbours(federation), seed, self._stage)

    @contextmanager
    def running(self) -> Iterator[None]:
        """All processes run within the block, and none after it; SIGTERM and SIGHUP end it as Ctrl-C does."""
        before = {number: signal.signal(number, _interrupt) for number in _ENDING}
        try:
            self._start_all()
            yield
        except KeyboardInterrupt:
            typer.echo(f"Stopping {sum(node.alive for node in self.nodes)} processes ...", err=True)
            raise
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_all(self) -> None:
        absent = self._mishaps.absent_at_start()
        self._mishaps.begin()
        for node in self.nodes:
            if node.number in absent:
                node.kill()
                self.recorder.marked("killed", 0.0, (node.number,))
            else:
                node.start()

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
        self._stage.time_passes()
        for node in self.nodes:
            alive = node.alive
            for record in node.news():
                self._take(node, record)
            if not alive and node.number not in self._ended:
                self._end(node)
            elif not node.begun and self._is_alone(node):
                node.stop()
        self._ended.difference_update(self._stage.start_who_has(self._ended))
        return len(self._ended) < len(self.nodes)

    def _take(self, node: Process, record: dict[str, Any]) -> None:
        time_s = record["unix_s"] - self._began
        neighbours = self._federation.meeting.linked(node.number)
        match record["kind"]:
            case "round":
                self._take_round(node, record, time_s)
            case "refused":
                sender = neighbours[record["sender"] - 1] if record["sender"] else -1
                self.recorder.observe(node.number, time_s, Refused(sender, record["reason"]))
            case "regarded":
                other = neighbours[record["neighbour"] - 1]
                self.recorder.observe(node.number, time_s, Regarded(other, record["state"]))
            case "quarantined":
                other, for_s = neighbours[record["neighbour"] - 1], record["for_s"]
                quarantined = Quarantined(other, record["reason"], math.inf if for_s is None else for_s)
                self.recorder.observe(node.number, time_s, quarantined)
            case "link":
                other = neighbours[record["neighbour"] - 1]
                self.recorder.linked(node.number, time_s, other, record["state"])

    def _take_round(self, node: Process, record: dict[str, Any], time_s: float) -> None:
        node.round, node.begun = record["round"], True
        self._stage.under_way()
        kept = node.path / "state" / "rounds" / f"{node.round}.npy"
        if kept.exists():
            vector = np.load(kept, allow_pickle=False)
            counts = {name: record[name] for name in ("heard", "missing", "stale", "duration_s")}
            self.recorder.observe(node.number, time_s, RoundClosed(node.round, vector, **counts))
        self._mishaps.reached(node.number, node.round + 1)

    def _is_alone(self, node: Process) -> bool:
        """Whether it waits in vain: none of its neighbours runs, or will be started again."""
        neighbours = self._federation.meeting.linked(node.number)
        return all(other in self._ended and not self._stage.may_return(other) for other in neighbours)

    def _end(self, node: Process) -> None:
        if node.failed:
            raise RunError(f"Peer {node.number} failed: {node.last_words()}")
        if not node.killed:
            node.read_summary()
        self._ended.add(node.number)
        self.recorder.gone(node.number)


def _neighbours(federation: Federation) -> list[tuple[PeerId, ...]]:
    return [tuple(federation.meeting.linked(peer)) for peer in range(federation.peers)]


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt
