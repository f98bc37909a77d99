"""`gossipfl up`: every peer a real process on this machine, watched through the records that it writes.

Rules:
- Nobody coordinates: processes are started, killed where the experiment says so, and read; never spoken to.
- Whatever happens here, no process is left behind.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gossipfl.cli.console import progress_bar
from gossipfl.errors import RunError, SettingsError
from gossipfl.experiment.settings import NetworkSettings, moments
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.messages import PeerId, Traffic

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.recorder import Recorder
    from gossipfl.report import Run

POLL_S = 0.02
PEERS_MAX = 256
PORTS = range(20_000, 32_000)
"""Below the range from which systems take the ports of outgoing connections."""


def run_cluster(federation: Federation, folder: Path) -> Run:
    """Run `federation` as processes whose folders are under `folder`/nodes."""
    from gossipfl.api import check_moments, run_of

    check_moments(federation)
    _check(federation)
    began = time.perf_counter()
    nodes = _prepare(federation, folder)
    cluster = _Cluster(federation, nodes)
    with cluster.running(), progress_bar(f"{federation.experiment.run.name}: real processes") as progress:
        total = federation.peers * federation.experiment.learning.rounds
        while cluster.poll():
            progress(cluster.closed, total)
            time.sleep(POLL_S)
    recorder = cluster.recorder
    recorder.close()
    summary = recorder.summary() | {
        "engine": "up",
        "wall_s": time.perf_counter() - began,
        "killed": sorted(cluster.killed),
    }
    return run_of(federation, recorder, summary)


def _check(federation: Federation) -> None:
    """Refuse what real processes cannot honour."""
    experiment = federation.experiment
    if experiment.network != NetworkSettings():
        raise SettingsError(
            "[network] is for `gossipfl simulate`: here messages and training take the time that they take; "
            "leave the section out."
        )
    if federation.peers > PEERS_MAX:
        raise SettingsError(
            f"{federation.peers} processes are too many for one machine: simulate, or take up to {PEERS_MAX}."
        )


class _Node:
    """One process and what has been read of its records."""

    def __init__(self, number: PeerId, path: Path) -> None:
        self.number = number
        self.path = path
        self.traffic = Traffic()
        self.round = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._read_bytes = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; its words go to node.log."""
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with (self.path / "node.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and our own module
                [sys.executable, "-m", "gossipfl", "node", str(self.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def news(self) -> Iterator[dict[str, Any]]:
        """The records written since the last call."""
        records = self.path / "state" / "records.jsonl"
        if not records.exists():
            return
        with records.open("rb") as file:
            file.seek(self._read_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read_bytes += len(line)
                yield json.loads(line)

    def last_words(self) -> str:
        """The last line of the log."""
        lines = (self.path / "node.log").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


class _Cluster:
    def __init__(self, federation: Federation, nodes: list[_Node]) -> None:
        from gossipfl.experiment.recorder import Recorder

        self.closed = 0
        self.killed: set[PeerId] = set()
        self._federation = federation
        self._nodes = nodes
        self.recorder: Recorder = Recorder(federation, self._traffic)
        self._kills = moments(federation.experiment.faults.kill)
        self._restarts = moments(federation.experiment.faults.restart)
        self._began = time.time()
        self._ended: set[PeerId] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """All processes run within the block, and none after it."""
        try:
            for node in self._nodes:
                node.start()
            yield
        finally:
            alive = [node.process for node in self._nodes if node.process and node.alive]
            for process in alive:
                process.terminate()
            for process in alive:
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def poll(self) -> bool:
        """Read what is new and do what is due; whether anything still runs."""
        for node in self._nodes:
            alive = node.alive
            for record in node.news():
                self._take(node, record)
            if not alive and node.number not in self._ended:
                self._end(node)
        return len(self._ended) < len(self._nodes) or any(node.alive for node in self._nodes)

    def _take(self, node: _Node, record: dict[str, Any]) -> None:
        time_s = record["unix_s"] - self._began
        match record["kind"]:
            case "round":
                self._take_round(node, record, time_s)
            case "refused":
                neighbours = self._federation.topology.neighbours(node.number)
                sender = neighbours[record["sender"] - 1] if record["sender"] else -1
                self.recorder.observe(node.number, time_s, Refused(sender, record["reason"]))
            case "link":
                neighbour = self._federation.topology.neighbours(node.number)[record["neighbour"] - 1]
                self.recorder.linked(node.number, time_s, neighbour, record["state"])

    def _take_round(self, node: _Node, record: dict[str, Any], time_s: float) -> None:
        node.round = record["round"]
        node.traffic = Traffic(record["messages_sent"], record["messages_lost"], record["bytes_sent"])
        self.closed += 1
        vector = self._vector(node)
        if vector is not None:
            counts = {name: record[name] for name in ("heard", "missing", "stale", "duration_s")}
            self.recorder.observe(node.number, time_s, RoundClosed(node.round, vector, **counts))
        if node.number not in self.killed and node.round + 1 >= self._kills.get(node.number, 1 << 62):
            self._kill(node)
        self._restart_who_is_due(node.round + 1)

    def _vector(self, node: _Node) -> Any:
        kept = node.path / "state" / "rounds" / f"{node.round}.npy"
        return np.load(kept, allow_pickle=False) if kept.exists() else None

    def _kill(self, node: _Node) -> None:
        self.killed.add(node.number)
        if node.process is not None:
            node.process.kill()
        self.recorder.killed(node.number, time.time() - self._began)

    def _restart_who_is_due(self, round: int) -> None:
        for number, at in list(self._restarts.items()):
            if round >= at and number in self._ended:
                del self._restarts[number]
                self._ended.discard(number)
                self._nodes[number].start()

    def _end(self, node: _Node) -> None:
        status = node.process.returncode if node.process else 0
        if status and node.number not in self.killed:
            raise RunError(f"Peer {node.number} failed: {node.last_words()}")
        self._ended.add(node.number)
        self.recorder.gone(node.number)

    def _traffic(self) -> Traffic:
        each = [node.traffic for node in self._nodes]
        return Traffic(
            sum(traffic.messages_sent for traffic in each),
            sum(traffic.messages_lost for traffic in each),
            sum(traffic.bytes_sent for traffic in each),
        )


def _prepare(federation: Federation, folder: Path) -> list[_Node]:
    """A folder for each node: its file, and its rows; keys lie beside."""
    import tomli_w

    from gossipfl.experiment.prepared import write_prepared
    from gossipfl.node.keyfile import create_key

    nodes, keys = folder / "nodes", folder / "keys"
    if nodes.exists():
        raise SettingsError(f"{folder} holds a run already: choose another --out.")
    nodes.mkdir(parents=True)
    keys.mkdir()
    paths = [keys / f"{number}.key" for number in range(federation.peers)]
    made = [(create_key(path), path) for path in paths]
    made.sort(key=lambda pair: pair[0].key)  # so that neighbours are heard in the order of their numbers
    ports = _free_ports(federation.peers)
    experiment = federation.experiment
    shared = experiment.model_dump(mode="json", include={"model", "learning", "run"}, exclude_none=True)
    for number, ((_, key_path), port) in enumerate(zip(made, ports, strict=True)):
        home = nodes / federation.topology.names[number]
        home.mkdir()
        rows = federation.train.of(number).rows
        write_prepared(home / "rows.npz", federation.dataset, rows)
        peers = [
            {
                "name": f"peer-{other}",
                "address": f"127.0.0.1:{ports[other]}",
                "key": made[other][0].key.hex(),
            }
            for other in federation.topology.neighbours(number)
        ]
        node = {
            "name": f"peer-{number}",
            "key": os.path.relpath(key_path, home),
            "listen": f"127.0.0.1:{port}",
            "number": number,
            "keep_rounds": True,
        }
        table = {"node": node, "data": {"prepared": "rows.npz"}, **shared, "peer": peers}
        (home / "node.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
    return [_Node(number, nodes / name) for number, name in enumerate(federation.topology.names)]


def _free_ports(count: int) -> list[int]:
    """So many ports of the loopback on which nobody listens now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RunError("There are too few free ports on the loopback: stop what holds them.")
