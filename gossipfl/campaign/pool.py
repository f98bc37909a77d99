"""Processes that run the tasks of a campaign, one each at a time.

Rules:
- A process that ends by itself fails the task that it was at, and another takes its place.
- None outlives the block: all are killed when it ends, and by themselves when this process is no more.
- Each computes with one thread: there are as many of them as processors.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

Task = dict[str, Any]
Answer = dict[str, Any]

_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
ENDING_S = 5.0
"""How long a process may take to end once it has closed its output."""

_LOOK_S = 0.5
"""How often a wait is broken off to see whether the user wants it to end."""


def answers(tasks: Sequence[Task], workers: int, log: Path) -> Iterator[tuple[Task, Answer]]:
    """Each of `tasks` with what came of it, as it comes; words of the processes go to the file `log`."""
    todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
    done: queue.Queue[tuple[Task, Answer]] = queue.Queue()
    for task in tasks:
        todo.put(task)
    with log.open("ab") as words:
        hands = [_Hand(todo, done, words) for _ in range(min(workers, len(tasks)))]
        try:
            for hand in hands:
                hand.start()
            for _ in tasks:
                yield _next(done)
        finally:
            for hand in hands:
                hand.stop()
            for hand in hands:
                hand.join()


def _next(done: queue.Queue[tuple[Task, Answer]]) -> tuple[Task, Answer]:
    while True:
        try:
            return done.get(timeout=_LOOK_S)
        except queue.Empty:
            continue


class _Hand(threading.Thread):
    """Feeds one process, and starts another where that has ended."""

    def __init__(
        self,
        todo: queue.SimpleQueue[Task],
        done: queue.Queue[tuple[Task, Answer]],
        words: IO[bytes],
    ) -> None:
        super().__init__(daemon=True)
        self._todo, self._done, self._words = todo, done, words
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Take tasks until there are none."""
        try:
            while not self._stopped:
                task = self._todo.get_nowait()
                answer = self._ask(task)
                if not self._stopped:
                    self._done.put((task, answer))
        except queue.Empty:
            self.stop()
        finally:
            if self._process is not None:
                _bury(self._process)

    def stop(self) -> None:
        """End the process, whatever it is at."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _ask(self, task: Task) -> Answer:
        try:
            process = self._running()
            if process is None or process.stdin is None or process.stdout is None:
                return {"failure": "It was stopped."}
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line.endswith(b"\n"):
                found: Answer = json.loads(line)
                return found
        except OSError as error:
            return {"failure": f"The process that ran it could not be reached ({error.strerror})."}
        return {"failure": _ending(process)}

    def _running(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    _bury(self._process)
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "gossipfl.campaign.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._words,
                    env=_environment(),
                )
            return self._process


def _environment() -> dict[str, str]:
    """Ours, with one thread each, and this very package found first."""
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | dict.fromkeys(_VARIABLES, "1") | {"PYTHONPATH": os.pathsep.join(paths)}


def _bury(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of `process`: what it had not read yet is lost with it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _ending(process: subprocess.Popen[bytes]) -> str:
    """How a process ended that should not have."""
    try:
        status = process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        return "The process that ran it fell silent."
    if status >= 0:
        return f"The process that ran it ended with status {status}; see workers.log."
    name = signal.Signals(-status).name
    hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return f"The process that ran it was ended by {name}{hint}."
