"""A chain of lines in a file that is only appended to, over many lives: opened, mended, written, flushed.

Rules:
- A line is written whole or not at all. What a crash tore is put into a file beside, and the chain goes on.
- What cannot be written is counted, told in a line as soon as that can be written, and stops nobody.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from gossipfl.node.chain import Head, forge, last_whole
from gossipfl.protocol.identity import Identity

_COPY_BYTES = 1 << 16

Entry = tuple[dict[str, Any], bool]
"""What a line tells, and whether it is signed."""


def open_file(path: Path) -> io.FileIO:
    """`path`, to be read and appended to."""
    return io.FileIO(path, "a+")


class ChainFile:
    """The chain in `path`, of which `signer` signs some lines; what an operator must know goes to `say`.

    `opened` is `open_file`, but in tests of disks that fail.
    """

    def __init__(
        self,
        path: Path,
        signer: Identity,
        say: Callable[[str], None],
        opened: Callable[[Path], io.FileIO] = open_file,
    ) -> None:
        self._path = path
        self._signer = signer
        self._say = say
        self._opened = opened
        self._lock = threading.RLock()
        self._file: io.FileIO | None = None
        self._head: Head | None = None
        self._owed: list[Entry] = []  # what comes before all else, as soon as it can be written
        self._lost = 0
        self._fails = False
        self._unsynced = False

    def begin(self, what: str, **facts: Any) -> None:
        """Append a signed line that comes before all others of this life, if late."""
        with self._lock:
            self._owed.append((_entry(what, facts), True))
            self._write([])

    def write(self, what: str, *, signed: bool = False, **facts: Any) -> None:
        """Append a line; if that is impossible, it is counted as lost."""
        with self._lock:
            self._write([(_entry(what, facts), signed)])

    def sync(self) -> None:
        """Flush to the disk what is not there yet; nobody who writes waits for that."""
        with self._lock:
            if self._file is None or not self._unsynced:
                return
            self._unsynced = False
            descriptor = os.dup(self._file.fileno())
        try:
            os.fsync(descriptor)
        except OSError as error:
            with self._lock:
                self._complain(error)
        finally:
            os.close(descriptor)

    def close(self) -> Head | None:
        """Write no more; returns the last line, if anything could be written."""
        with self._lock:
            self._close()
            if self._lost or self._owed:
                self._say(f"the audit log {self._path} lacks the last {self._lost + len(self._owed)} entries")
            return self._head

    def _write(self, entries: list[Entry]) -> None:
        try:
            file, head = self._file, self._head
            if file is None or head is None:
                file, head = self._open()
            lost = [(_entry("lost", {"entries": self._lost}), False)] if self._lost else []
            self._head = _append(file, head, [*self._owed, *lost, *entries], self._signer)
        except OSError as error:
            self._lost += len(entries)
            self._complain(error)
            self._close()
            return
        self._owed.clear()
        self._lost, self._unsynced = 0, True
        if self._fails:
            self._fails = False
            self._say(f"the audit log {self._path} is written again, and says what it lacks")

    def _open(self) -> tuple[io.FileIO, Head]:
        """Go on after the last whole line. Raises `OSError`."""
        self._file = file = self._opened(self._path)
        end, head = last_whole(file)
        torn = file.seek(0, os.SEEK_END) - end
        if torn > 0:
            name, digest = _put_aside(self._path, file, end)
            self._owed.insert(0, (_entry("mended", {"bytes": torn, "digest": digest, "aside": name}), False))
            self._say(
                f"the last {torn} bytes of the audit log {self._path} were no whole line, as after a crash: "
                f"they are now in {name}, and the log goes on before them and says so"
            )
        self._head = self._head or head  # if somebody changed the file meanwhile, it shall show
        return file, self._head

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _complain(self, error: OSError) -> None:
        if not self._fails:
            self._say(
                f"the audit log {self._path} cannot be written ({error.strerror}): free some space or make "
                "it writable; the node goes on, and counts what the log lacks"
            )
        self._fails = True


def _entry(what: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, **facts}


def _append(file: io.FileIO, head: Head, entries: list[Entry], signer: Identity) -> Head:
    """Write lines that tell `entries`, all or none; returns the last. Raises `OSError`."""
    lines = []
    for facts, signed in entries:
        line, head = forge(head, facts, signer if signed else None)
        lines.append(line)
    data = b"".join(lines)
    end = file.seek(0, os.SEEK_END)
    try:
        if (file.write(data) or 0) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with suppress(OSError):  # else it is put aside when the file is opened again
            file.truncate(end)
        raise
    return head


def _put_aside(path: Path, file: io.FileIO, end: int) -> tuple[str, str]:
    """Move what follows `end` into a new file beside; returns its name and its digest. Raises `OSError`."""
    number = 1
    while (aside := path.with_name(f"{path.name}.torn-{number}")).exists():
        number += 1
    file.seek(end)
    try:
        with aside.open("xb") as copy:
            digest = _copy(file, copy)
    except OSError:
        with suppress(OSError):  # it is tried again, and would leave a piece each time
            aside.unlink()
        raise
    file.truncate(end)
    return aside.name, digest


def _copy(file: io.FileIO, copy: BinaryIO) -> str:
    """Copy to its end what follows in `file`, durably; returns its digest. Raises `OSError`."""
    digest = hashlib.blake2b(digest_size=32)
    while piece := file.read(_COPY_BYTES):
        copy.write(piece)
        digest.update(piece)
    copy.flush()
    os.fsync(copy.fileno())
    return digest.hexdigest()
