"""The file that holds a node's secret key: one line, readable by its owner alone."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from gossipfl.errors import KeyFileError
from gossipfl.protocol.identity import Identity

_LINE = re.compile(r"gossipfl-secret-key:([0-9a-f]{64})\n?")
_BYTES_MAX = 200


def create_key(path: Path) -> Identity:
    """A new identity, written to `path`, which must not exist."""
    identity = Identity.new()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"gossipfl-secret-key:{identity.seed.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFileError(f"Keep the key file {path} or delete it first: it exists already.") from None
    except OSError as error:
        raise KeyFileError(f"Choose another place for the key file {path}: {error.strerror}.") from None
    return identity


def load_key(path: Path) -> Identity:
    """The identity in `path`. Raises `KeyFileError` if others could read it, or if it is no key file."""
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            text = file.read(_BYTES_MAX).decode("ascii", "replace")
    except FileNotFoundError:
        raise KeyFileError(f"Make the key file {path} with `gossipfl key new`: it does not exist.") from None
    except OSError as error:
        raise KeyFileError(f"Make the key file {path} readable for this user: {error.strerror}.") from None
    match = _LINE.fullmatch(text.replace("\r\n", "\n"))
    if match is None:
        raise KeyFileError(f"Put a backup or a new key file in place of {path}: it holds no secret key.")
    return Identity(bytes.fromhex(match[1]))


def _check_owner(path: Path, status: os.stat_result) -> None:
    if os.name == "nt":
        return  # Windows has no such modes: there the folder's access list protects the file
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(f"Give a file instead of {path} as the key file.")
    if status.st_uid != os.geteuid():
        raise KeyFileError(f"Run as the owner of the key file {path}, or `chown` it to this user.")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise KeyFileError(f"Run `chmod 600 {path}`: with mode {mode:04o}, others can read the secret key.")
