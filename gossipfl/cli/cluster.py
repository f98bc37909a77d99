"""`gossipfl up`: every peer a real process on this machine, watched through the records that it writes.

Rules:
- Nobody coordinates: processes are started, killed where the experiment says so, and read; never spoken to.
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
from gossipfl.cli.prepare import prepare
from gossipfl.cli.process import Process, total
from gossipfl.errors import RunError, SettingsError
from gossipfl.experiment.settings import NetworkSettings, moments
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.messages import PeerId

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.recorder import Recorder
    from gossipfl.report import Run

POLL_S = 0.02
STOP_S = 10.0
PEERS_MAX = 256
_NEVER = 1 << 62


def run_cluster(federation: Federation, folder: Path) -> Run:
    """Run `federation` as processes whose folders are under `folder`/nodes."""
    from gossipfl.engines import run_of

    began = time.perf_counter()
    homes = prepare(federation, folder)
    cluster = _Cluster(federation, [Process(number, home) for number, home in enumerate(homes)])
    with cluster.running(), board(federation, cluster.nodes, cluster.recorder.records):
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
    if federation.experiment.network != NetworkSettings():
        raise SettingsError(
            "[network] is for `gossipfl simulate`: here messages and training take the time that they take, "
            "so leave the section out."
        )
    if federation.experiment.run.engine == "crowd":
        raise SettingsError("A crowd has no processes: simulate it, or leave out run.engine.")
    if federation.peers > PEERS_MAX:
        raise SettingsError(
            f"{federation.peers} processes are too many for one machine: simulate, or take up to {PEERS_MAX}."
        )


class _Cluster:
    def __init__(self, federation: Federation, nodes: list[Process]) -> None:
        from gossipfl.experiment.recorder import Recorder

        self.nodes = nodes
        self.recorder: Recorder = Recorder(federation, lambda: total([node.traffic for node in nodes]))
        self._federation = federation
        self._kills = moments(federation.experiment.faults.kill)
        self._restarts = moments(federation.experiment.faults.restart)
        self._began = time.time()
        self._ended: set[PeerId] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """All processes run within the block, and none after it; SIGTERM ends it as Ctrl-C does."""
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            for node in self.nodes:
                node.start()
            yield
        except KeyboardInterrupt:
            typer.echo(f"Stopping {sum(node.alive for node in self.nodes)} processes ...", err=True)
            raise
        finally:
            for node in self.nodes:
                node.stop()
            for node in self.nodes:
                node.wait(STOP_S)
            signal.signal(signal.SIGTERM, before)

    def poll(self) -> bool:
        """Read what is new and do what is due; whether anything still runs."""
        for node in self.nodes:
            alive = node.alive
            for record in node.news():
                self._take(node, record)
            if not alive and node.number not in self._ended:
                self._end(node)
            elif not node.begun and self._is_alone(node):
                node.stop()
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
            case "link":
                other = neighbours[record["neighbour"] - 1]
                self.recorder.linked(node.number, time_s, other, record["state"])
        if node.round + 1 >= self._kills.get(node.number, _NEVER):
            self._kill(node)

    def _take_round(self, node: Process, record: dict[str, Any], time_s: float) -> None:
        node.round, node.begun = record["round"], True
        kept = node.path / "state" / "rounds" / f"{node.round}.npy"
        if kept.exists():
            vector = np.load(kept, allow_pickle=False)
            counts = {name: record[name] for name in ("heard", "missing", "stale", "duration_s")}
            self.recorder.observe(node.number, time_s, RoundClosed(node.round, vector, **counts))
        self._restart_who_is_due(node.round + 1)

    def _kill(self, node: Process) -> None:
        del self._kills[node.number]
        node.kill()
        self.recorder.killed(node.number, time.time() - self._began)

    def _restart_who_is_due(self, round: int) -> None:
        for number, at in list(self._restarts.items()):
            if round >= at and number in self._ended:
                del self._restarts[number]
                self._ended.discard(number)
                self.nodes[number].start()

    def _is_alone(self, node: Process) -> bool:
        """Whether it waits in vain: none of its neighbours runs, or will be started again."""
        neighbours = self._federation.topology.neighbours(node.number)
        return all(other in self._ended and other not in self._restarts for other in neighbours)

    def _end(self, node: Process) -> None:
        if node.failed:
            raise RunError(f"Peer {node.number} failed: {node.last_words()}")
        if not node.killed:
            node.read_summary()
        self._ended.add(node.number)
        self.recorder.gone(node.number)


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt
