"""Real nodes on this machine: started, read, waited for and ended together."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gossipfl.cli.process import Process
from gossipfl.errors import RunError

HANG_S = 300.0
POLL_S = 0.002

Record = dict[str, Any]


class Nodes:
    """The processes `nodes`, of which those numbered in `runs` are started, by default all."""

    def __init__(self, nodes: Sequence[Process], runs: Collection[int] | None = None) -> None:
        self.nodes = nodes
        self.runs = range(len(nodes)) if runs is None else runs
        self.records: list[list[Record]] = [[] for _ in nodes]

    @contextmanager
    def running(self) -> Iterator[None]:
        """All run within the block, and none after it."""
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

    def check(self) -> None:
        """Read what is new. Raises `RunError` if a node has failed."""
        self.read()
        for node in self.nodes:
            if node.failed:
                raise RunError(f"{node.path.name} failed: {node.last_words()}")

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Read until `holds()`. Raises `RunError` if a node fails meanwhile, or if it takes too long."""
        ends = time.monotonic() + HANG_S
        while not holds():
            time.sleep(POLL_S)
            self.check()
            if time.monotonic() > ends:
                raise RunError(f"In {HANG_S:.0f} s there was no sign that {what}.")

    def stop(self) -> None:
        """Have all say goodbye, and read what they still wrote."""
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.wait(HANG_S)
        self.read()
