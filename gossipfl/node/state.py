"""The folder in which a node keeps what must outlive its process; one process at a time holds it.

    lock                      held by the process that runs
    epoch                     the boot epoch, durable before anything is said in it
    audit.jsonl               what left the node, over all its lives; see audit.py
    members/                  the list of members; see membersfile.py
    checkpoint.0 checkpoint.1 the two last rounds; the older makes room for the next
    before-1, before-2, ...   what was put aside

Rules:
- Nothing is deleted but the older of two checkpoints: the rest is put aside, and an operator deletes it.
- A disk that is full costs checkpoints, never the node; each outage is told once, and its end as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gossipfl.errors import DataError, SettingsError
from gossipfl.node.boot import next_epoch
from gossipfl.node.checkpoint import Checkpoint, Terms, encode, read_checkpoint
from gossipfl.node.durable import Buffer, sync_folder, unwritable, write_durably
from gossipfl.node.membersfile import MEMBERS
from gossipfl.protocol.memory import Memory

LOCK, EPOCH, AUDIT = "lock", "epoch", "audit.jsonl"
SLOTS = ("checkpoint.0", "checkpoint.1")
_ASIDE = "before-"
_PID_BYTES = 32

Write = Callable[[Path, Iterable[Buffer]], None]


class Recalled(NamedTuple):
    """What a folder holds of an earlier life, and sentences on what of it is spoilt."""

    memory: Memory | None
    complaints: tuple[str, ...]


class StateFolder:
    """The state folder at `path`; `write` is `write_durably`, but in tests of disks that fail."""

    def __init__(self, path: Path, write: Write = write_durably) -> None:
        self.path = path
        self.epoch = 0
        self._write = write
        self._generation = 0
        self._slot = 0  # the next to be written
        self._last_epoch = 0
        self._fails = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else has the folder within the block. Raises `SettingsError` if that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("a+b")
        except OSError as error:
            raise unwritable(self.path, error) from None
        with file:
            self._lock(file)
            yield

    @property
    def holder(self) -> str:
        """The process that holds the folder now, by its number; empty if none does, as far as one can see."""
        try:
            with (self.path / LOCK).open("r+b") as file:
                try:
                    _lock(file)
                except BlockingIOError:
                    return _written(file)
        except OSError:
            pass
        return ""

    def _lock(self, file: BinaryIO) -> None:
        try:
            _lock(file)
        except BlockingIOError:
            raise SettingsError(
                f"{self.path} is held by another process ({_written(file)}): stop it first, or choose "
                "another node.state."
            ) from None
        except OSError as error:
            raise SettingsError(
                f"{self.path} cannot be locked ({error.strerror}): choose a node.state on a local disk."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        file.flush()

    def put_aside(self) -> Path | None:
        """Move all that an earlier run left, but what outlives runs, into a folder of its own.

        Returns it; None if there was nothing. Raises `SettingsError`.
        """
        try:
            left = [
                path
                for path in sorted(self.path.iterdir())
                if path.name not in (LOCK, EPOCH, MEMBERS) and not path.name.startswith((AUDIT, _ASIDE))
            ]
            return self._aside(left) if left else None
        except OSError as error:
            raise SettingsError(
                f"What is in {self.path} cannot be put aside ({error.strerror}): move it away yourself, or "
                "choose another node.state."
            ) from None

    def recall(self, terms: Terms) -> Recalled:
        """The newest checkpoint that is whole. Raises `SettingsError` if it is of another run, or key."""
        found: dict[int, Checkpoint] = {}
        spoilt: dict[int, str] = {}
        for slot, name in enumerate(SLOTS):
            if (self.path / name).exists():
                try:
                    found[slot] = read_checkpoint(self.path / name, terms)
                except DataError as error:
                    spoilt[slot] = f"{self.path / name} is spoilt: {error}"
        if not found:
            return Recalled(None, self._all_spoilt(list(spoilt.values())))
        slot = max(found, key=lambda each: found[each].generation)
        self._slot, self._generation = 1 - slot, found[slot].generation
        self._last_epoch = max(each.epoch for each in found.values())
        memory = found[slot].memory
        told = f"; the node goes on from the one before, of round {memory.round}"
        return Recalled(memory, tuple(words + told for words in spoilt.values()))

    def begin(self) -> int:
        """A boot epoch in which nothing was said before. Raises `SettingsError`."""
        self.epoch = next_epoch(self.path / EPOCH, self._last_epoch)
        return self.epoch

    def keep(self, memory: Memory, terms: Terms) -> str | None:
        """Write `memory` over the older checkpoint; returns a sentence if that fails, or succeeds again."""
        checkpoint = Checkpoint(self._generation + 1, self.epoch, memory)
        try:
            self._write(self.path / SLOTS[self._slot], encode(checkpoint, terms))
        except OSError as error:
            told, self._fails = self._fails, True
            return None if told else _outage(self.path, error)
        self._generation, self._slot = self._generation + 1, 1 - self._slot
        failed, self._fails = self._fails, False
        return f"Checkpoints are written again, from round {memory.round} on." if failed else None

    def _aside(self, paths: Iterable[Path]) -> Path:
        number = 1
        while (aside := self.path / f"{_ASIDE}{number}").exists():
            number += 1
        aside.mkdir()
        for path in paths:
            path.replace(aside / path.name)
        sync_folder(self.path)
        return aside

    def _all_spoilt(self, complaints: list[str]) -> tuple[str, ...]:
        """No checkpoint can be used: what there is, is evidence, and is put aside."""
        if not complaints:
            return ()
        try:
            aside = self._aside([self.path / name for name in SLOTS if (self.path / name).exists()])
        except OSError as error:
            raise unwritable(self.path, error) from None
        told = f"; no other is there, so the node begins as a newcomer, and keeps what is spoilt in {aside}"
        return (*complaints[:-1], complaints[-1] + told)


def _written(file: BinaryIO) -> str:
    """Who is written into the lock `file`."""
    file.seek(0)
    return file.read(_PID_BYTES).decode("ascii", "replace").strip() or "unknown"


def _outage(path: Path, error: OSError) -> str:
    return (
        f"No checkpoint can be written in {path} ({error.strerror}): free some space or mend the disk. "
        "The node goes on, and tries again each round."
    )


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        """Lock a byte far behind the end, so that what is written can be read. Raises `BlockingIOError`."""
        file.seek(1 << 30)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        """Lock `file` until it is closed or the process ends. Raises `BlockingIOError` if another has it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
