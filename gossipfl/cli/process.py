"""One node as a process of its own on this machine: started, killed, and read through what it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gossipfl.cli.lifeline import TIED
from gossipfl.protocol.messages import PeerId, Traffic

_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Many processes share the cores: more threads each would only stand in one another's way."""


class Process:
    """The node whose folder is `path`, and what has been read of its records.

    The words `within`, if any, begin its command: whoever runs it elsewhere says so there.
    """

    def __init__(
        self,
        number: PeerId,
        path: Path,
        environment: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.number = number
        self.path = path
        self.round = 0
        self.killed = False
        self.left = False
        self.stopped = False
        self.paused = False
        self.cut = False
        """Whether a link of it is cut now: it does not know, but whoever watches does."""
        self.begun = False
        """Whether it closed a round in this life."""
        self._command = [*within, sys.executable, "-m", "gossipfl", "node", str(path)]
        self._environment = _THREADS | TIED | dict(environment or {})
        self._said = Traffic()  # since it last began afresh: a node goes on with its counts
        self._said_before = Traffic()
        self._process: subprocess.Popen[bytes] | None = None
        self._read_file = 0  # that was read last: one that starts afresh begins another
        self._read_bytes = 0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Of its present life, or its last; None before the first."""
        return self._process.pid if self._process is not None else None

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and not well."""
        asked = self.killed or self.left or self.stopped
        return not asked and self._process is not None and bool(self._process.poll())

    @property
    def state(self) -> str:
        """In a word, for people."""
        if self.alive:
            return next((word for word in ("paused", "cut") if getattr(self, word)), self._stage)
        return next(
            (word for word in ("killed", "left", "stopped", "failed") if getattr(self, word)), "finished"
        )

    @property
    def _stage(self) -> str:
        return "learning" if self.begun else "starting"

    @property
    def traffic(self) -> Traffic:
        """What it said in all its lives, as far as is known."""
        return total([self._said_before, self._said])

    def start(self, *, fresh: bool = False) -> None:
        """Start the process; its words go to node.log. A `fresh` one has forgotten all its earlier lives."""
        self.killed = self.left = self.stopped = self.paused = self.begun = False
        if fresh:
            self._said_before, self._said = self.traffic, Traffic()
        self._cut_lifeline()
        with (self.path / "node.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own module
                [*self._command, *(["--fresh"] if fresh else [])],
                stdin=subprocess.PIPE,  # its lifeline
                stdout=log,
                stderr=log,
                env=os.environ | self._environment,
            )

    def kill(self) -> None:
        """End it at once, without a word: SIGKILL."""
        self.killed = True
        if self._process is not None:
            self._process.kill()

    def leave(self) -> None:
        """Have it say goodbye and end: SIGTERM."""
        self.left = True
        self._end()

    def pause(self) -> None:
        """Have it stand still: SIGSTOP."""
        if self._process is not None and self.alive:
            self.paused = True
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on where it stands still: SIGCONT."""
        if self._process is not None and self.paused:
            self.paused = False
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end."""
        if self.alive and not self.stopped:
            self.stopped = True
            self._end()

    def _end(self) -> None:
        if self._process is not None and self.alive:
            self._process.terminate()
            self.go_on()  # else it would not hear of it

    def end_now(self) -> None:
        """See that it is gone, whatever it was doing."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()
        self._cut_lifeline()

    def _cut_lifeline(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

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
            if (number := os.fstat(file.fileno()).st_ino) != self._read_file:
                self._read_file, self._read_bytes = number, 0
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
