"""One node as a process of its own on this machine: started, killed, and read through what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gossipfl.protocol.messages import PeerId, Traffic

_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Many processes share the cores: more threads each would only stand in one another's way."""


class Process:
    """The node whose folder is `path`, and what has been read of its records."""

    def __init__(self, number: PeerId, path: Path) -> None:
        self.number = number
        self.path = path
        self.round = 0
        self.killed = False
        self.stopped = False
        self.begun = False
        """Whether it closed a round in this life."""
        self._said = Traffic()  # in this life
        self._said_before = Traffic()
        self._process: subprocess.Popen[bytes] | None = None
        self._read_bytes = 0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and not well."""
        asked = self.killed or self.stopped
        return not asked and self._process is not None and bool(self._process.poll())

    @property
    def state(self) -> str:
        """In a word, for people."""
        if self.alive:
            return "learning" if self.begun else "starting"
        return (
            "killed"
            if self.killed
            else "stopped"
            if self.stopped
            else "failed"
            if self.failed
            else "finished"
        )

    @property
    def traffic(self) -> Traffic:
        """What it said in all its lives, as far as is known."""
        return total([self._said_before, self._said])

    def start(self) -> None:
        """Start the process; its words go to node.log."""
        self.killed = self.stopped = self.begun = False
        self._said_before, self._said = self.traffic, Traffic()
        with (self.path / "node.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own module
                [sys.executable, "-m", "gossipfl", "node", str(self.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | _THREADS,
            )

    def kill(self) -> None:
        """End it at once, without a word: SIGKILL."""
        self.killed = True
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """Ask it to end."""
        if self._process is not None and self.alive and not self.stopped:
            self.stopped = True
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended; after `timeout_s` it is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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
                record = json.loads(line)
                if "bytes_sent" in record:
                    self._said = _traffic(record)
                yield record

    def read_summary(self) -> None:
        """Take what it said from its summary, which counts what it said after its last round too."""
        summary = self.path / "state" / "summary.json"
        if summary.exists():
            self._said = _traffic(json.loads(summary.read_text("utf-8")))

    def last_words(self) -> str:
        """The last line of its log."""
        lines = (self.path / "node.log").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("gossipfl: ") if lines else "it said nothing"


def total(parts: list[Traffic]) -> Traffic:
    """The sum of `parts`."""
    return Traffic(
        sum(part.messages_sent for part in parts),
        sum(part.messages_lost for part in parts),
        sum(part.bytes_sent for part in parts),
    )


def _traffic(facts: dict[str, Any]) -> Traffic:
    return Traffic(facts["messages_sent"], facts["messages_lost"], facts["bytes_sent"])
