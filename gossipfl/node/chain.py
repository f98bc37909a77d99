"""Lines of JSON, each with the hash of the line before: what was written stays as it was, or it shows.

A line is one JSON object in ASCII. It has its number `seq`, which grows by one from 1, the hash `before`,
which is that of the line before, or zeros, and ends with `,"hash":"H"}`: H is the BLAKE2b digest of 32 bytes,
in hex, of all bytes of the line before `,"hash"`. A signed line has `,"signature":"S"` just before that: the
Ed25519 signature of `gossipfl audit 1`, a zero byte, and all bytes of the line before `,"signature"`. So a
signature stands for all lines up to its own.

Rules:
- The exact bytes are judged, not what they are parsed to.
- A line's length is bounded before it is kept: a hostile file costs no memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from gossipfl.errors import DataError
from gossipfl.protocol.identity import Identity, verify

LINE_BYTES_MAX = 4096
_WINDOW_BYTES = 1 << 16
_DOMAIN = b"gossipfl audit 1\0"
_END = re.compile(rb'(?:,"signature":"(?P<signature>[0-9a-f]{128})")?,"hash":"(?P<hash>[0-9a-f]{64})"\}\n')
_END_BYTES_MAX = 256
_SEQ_MAX = 1 << 63


class Head(NamedTuple):
    """The last line of a chain: its number and its hash."""

    seq: int
    hash: str


START = Head(0, "0" * 64)
"""Before the first line."""


class Line(NamedTuple):
    """A line that follows the one before."""

    head: Head
    facts: dict[str, Any]
    signed: bytes  # what its signature is of
    signature: bytes | None

    def signed_by(self, key: bytes) -> bool:
        """Whether it is signed, by `key`."""
        return self.signature is not None and verify(key, self.signature, self.signed)


def forge(head: Head, facts: dict[str, Any], signer: Identity | None = None) -> tuple[bytes, Head]:
    """The line that tells `facts` after `head`, signed by `signer` if there is one, and the head it makes.

    Raises `ValueError` if it is too long: whoever writes bounds each of the facts.
    """
    told = {"seq": head.seq + 1, **facts, "before": head.hash}
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)[:-1].encode("ascii")
    if signer is not None:
        text += b',"signature":"%s"' % signer.sign(_DOMAIN + text).hex().encode()
    digest = _hash(text)
    line = text + b',"hash":"%s"}\n' % digest.encode()
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"A line of {len(line)} bytes is longer than {LINE_BYTES_MAX}.")
    return line, Head(head.seq + 1, digest)


def follow(file: BinaryIO) -> Iterator[Line]:
    """The lines of `file`, from the first, one at a time, as long as each follows the one before.

    Raises `DataError` at the first that does not, with the reason.
    """
    head = START
    while line := file.readline(LINE_BYTES_MAX + 1):
        followed = _following(line, head)
        yield followed
        head = followed.head


def last_whole(file: BinaryIO) -> tuple[int, Head]:
    """Where in `file` the last line ends that has its own hash, and its head; (0, `START`) if there is none.

    It reads from the end, in pieces of 64 KiB.
    """
    high = file.seek(0, os.SEEK_END)
    while high:
        low = max(0, high - _WINDOW_BYTES)
        file.seek(low)
        window = file.read(high - low)
        end = window.rfind(b"\n")
        while end >= 0:
            begin = window.rfind(b"\n", 0, end) + 1
            if (begin or not low) and (head := _own_head(window[begin : end + 1])):
                return low + end + 1, head
            end = begin - 1
        high = low + LINE_BYTES_MAX if low else 0
    return 0, START


def _following(line: bytes, head: Head) -> Line:
    if len(line) > LINE_BYTES_MAX:
        raise DataError(f"it is longer than {LINE_BYTES_MAX} bytes")
    if not line.endswith(b"\n"):
        raise DataError("it is cut short: a crash tore it, or it is being written")
    end = _ending(line)
    if end is None:
        raise DataError("it does not end with its hash")
    if _hash(line[: end.start("hash") - len(b',"hash":"')]) != end["hash"].decode():
        raise DataError("it was changed: its hash is not that of what it says")
    facts = _facts(line)
    if facts.get("before") != head.hash or facts.get("seq") != head.seq + 1:
        raise DataError(
            f"it does not follow line {head.seq}: lines were removed, inserted, moved or changed before it"
        )
    signature = bytes.fromhex(end["signature"].decode()) if end["signature"] else None
    made = Head(head.seq + 1, end["hash"].decode())
    return Line(made, facts, _DOMAIN + line[: end.start()], signature)


def _own_head(line: bytes) -> Head | None:
    """The head that `line` makes, if its own hash is right."""
    end = _ending(line) if len(line) <= LINE_BYTES_MAX else None
    if end is None or _hash(line[: end.start("hash") - len(b',"hash":"')]) != end["hash"].decode():
        return None
    try:
        seq = _facts(line).get("seq")
    except DataError:
        return None
    return Head(seq, end["hash"].decode()) if type(seq) is int and 0 < seq < _SEQ_MAX else None


def _ending(line: bytes) -> re.Match[bytes] | None:
    """The signature and the hash at the end of `line`; its positions are those in `line`."""
    for end in _END.finditer(line, max(0, len(line) - _END_BYTES_MAX)):
        if end.end() == len(line):
            return end
    return None


def _facts(line: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        raise DataError("it is no JSON") from None
    if not isinstance(facts, dict):
        raise DataError("it is no JSON object")
    return facts


def _hash(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=32).hexdigest()
