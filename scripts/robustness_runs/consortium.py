"""Real processes of one run on this machine, that are read and may be harmed until it is enough."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from gossipfl.cli.prepare import free_ports, prepare
from gossipfl.cli.process import Process
from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import HOST, Pair, Shuttle
from gossipfl.errors import RunError
from gossipfl.experiment.federation import Federation
from gossipfl.protocol.identity import Address

HANG_S = 300.0
POLL_S = 0.002


class Consortium:
    """The processes of `federation`, whose folders are under `folder`.

    Each that `runs`, by default all, is told the `environment`. The pairs (dialler, dialled) that are
    `carried` talk over a shuttle, which can be cut. If they are `watched`, each shows its state at its place
    in `windows`.
    """

    def __init__(
        self,
        federation: Federation,
        folder: Path,
        environment: Mapping[str, str],
        *,
        carried: Collection[Pair] = (),
        watched: bool = False,
        runs: Collection[int] | None = None,
    ) -> None:
        self.homes, lanes = prepare(federation, folder, carried)
        self.windows = list(map(_open_window, self.homes)) if watched else []
        self.nodes = [Process(number, home, environment) for number, home in enumerate(self.homes)]
        self.records: list[list[dict[str, Any]]] = [[] for _ in self.nodes]
        self.runs = range(len(self.nodes)) if runs is None else runs
        self.shuttle = Shuttle(lanes, Weather(seed=federation.experiment.run.seed))

    @contextmanager
    def running(self) -> Iterator[None]:
        """All run within the block, and none after it."""
        with self.shuttle.running():
            try:
                for number in self.runs:
                    self.nodes[number].start()
                yield
            finally:
                for node in self.nodes:
                    node.end_now()

    def read(self) -> None:
        """Read what is new."""
        for node in self.nodes:
            for record in node.news():
                self.records[node.number].append(record)
                if record["kind"] == "round":
                    node.round, node.begun = record["round"], True

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Read until `holds()`. Raises `RunError` if a node fails meanwhile, or if it takes too long."""
        ends = time.monotonic() + HANG_S
        while not holds():
            time.sleep(POLL_S)
            self.check()
            if time.monotonic() > ends:
                raise RunError(f"In {HANG_S:.0f} s there was no sign that {what}.")

    def check(self) -> None:
        """Read what is new. Raises `RunError` if a node has failed."""
        self.shuttle.check()
        self.read()
        for node in self.nodes:
            if node.failed:
                raise RunError(f"Peer {node.number} failed: {node.last_words()}")

    def stop(self) -> None:
        """Have all say goodbye, and read what they still wrote."""
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.wait(HANG_S)
        self.read()


def _open_window(home: Path) -> Address:
    """Have the node at `home` show its state, at an address that is returned."""
    path, address = home / "node.toml", Address(HOST, free_ports(1)[0])
    table = tomllib.loads(path.read_text("utf-8"))
    table["node"]["metrics"] = str(address)
    path.write_text(tomli_w.dumps(table), "utf-8")
    return address
