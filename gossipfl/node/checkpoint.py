"""What a peer must not forget, as the bytes of one file: a prefix, a head in JSON, and the arrays.

    prefix  magic (16), length of the head (4), length of the arrays (8), digest of the head (32)
    head    whose run it is, the round, what was accepted of each neighbour, the digest of the arrays
    arrays  little-endian, one after the other: the algorithm's state, then what is remembered of links

Rules:
- No shape or type is read from a file: both follow from the run, and so does every length.
- Nothing is used before its digest is right, and no length is believed before the file has it.
- What cannot be read is a `DataError` whose message ends a sentence about the file.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gossipfl.errors import DataError, RemoteProtocolError, SettingsError
from gossipfl.learn.contracts import Array
from gossipfl.node.durable import Buffer
from gossipfl.protocol.layout import Layout, body_buffers, body_bytes, split_body
from gossipfl.protocol.manifest import Digests, differences
from gossipfl.protocol.memory import LinkMemory, Memory, Place
from gossipfl.protocol.messages import Proof
from gossipfl.protocol.notary import read_statement
from gossipfl.protocol.reputation import Offences

MAGIC = b"gossipfl state 1"
HEAD_BYTES_MAX = 16 << 20
"""4,096 neighbours and as many proofs take some 6 MB."""

_PREFIX = struct.Struct(">16sIQ32s")
_PIECE_BYTES = 1 << 20
_U32, _U63 = 1 << 32, 1 << 63
_Number = Annotated[int, Field(ge=0, lt=_U32)]
_Large = Annotated[int, Field(ge=0, lt=_U63)]
_Word = Annotated[str, Field(max_length=64)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Hex = Annotated[str, Field(pattern="^([0-9a-f][0-9a-f])*$", max_length=1024)]


class Terms(NamedTuple):
    """Whose checkpoint it must be."""

    key: bytes
    digests: Digests  # of the manifest
    state: Layout  # of the algorithm's state
    whole: Layout  # of a whole update


class Checkpoint(NamedTuple):
    """What a file holds."""

    generation: int  # grows by one with each that is written
    epoch: int  # in which it was written
    memory: Memory


class _Head(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    key: _Hex
    digests: tuple[tuple[str, _Hex], ...]
    generation: _Large
    epoch: _Large
    round: _Number
    newcomer: bool
    late: bool
    newest: tuple[tuple[_Number, Place], ...]
    links: tuple[tuple[_Number, tuple[_Large, ...], tuple[_Number, ...]], ...]  # the last: places of payloads
    payloads: _Number
    proofs: tuple[tuple[_Hex, _Hex], ...]
    offences: tuple[tuple[_Number, _Number, _Word, _Seconds], ...] = ()
    arrays: _Hex


def encode(checkpoint: Checkpoint, terms: Terms) -> Iterable[Buffer]:
    """The pieces of the file; the arrays are not copied."""
    memory, places, payloads = checkpoint.memory, dict[int, int](), list[tuple[Array, ...]]()
    links = []
    for peer, numbers, kept in memory.links:
        for payload in kept:  # many links often hold the same
            if places.setdefault(id(payload), len(payloads)) == len(payloads):
                payloads.append(payload)
        links.append((peer, numbers, tuple(places[id(payload)] for payload in kept)))
    body = [buffer for arrays in (memory.state, *payloads) for buffer in body_buffers(arrays)]
    digest = hashlib.blake2b(digest_size=32)
    for buffer in body:
        digest.update(buffer)
    head = _Head(
        key=terms.key.hex(),
        digests=tuple((name, each.hex()) for name, each in terms.digests),
        generation=checkpoint.generation,
        epoch=checkpoint.epoch,
        round=memory.round,
        newcomer=memory.newcomer,
        late=memory.late,
        newest=tuple(memory.newest.items()),
        links=tuple(links),
        payloads=len(payloads),
        proofs=tuple((p.one.evidence.hex(), p.other.evidence.hex()) for p in memory.proofs),
        offences=memory.offences,
        arrays=digest.hexdigest(),
    )
    text = head.model_dump_json().encode()
    prefix = _PREFIX.pack(MAGIC, len(text), sum(map(len, body)), _digest(text))
    return [prefix, text, *body]


def read_checkpoint(path: Path, terms: Terms) -> Checkpoint:
    """The checkpoint in `path`. Raises `DataError` if it is spoilt, `SettingsError` if another run's."""
    try:
        with path.open("rb") as file:
            head, body_length = _read_head(file, os.fstat(file.fileno()).st_size)
            _refuse_others(path, head, terms)
            lengths = body_bytes(terms.state) + head.payloads * body_bytes(terms.whole)
            if lengths != body_length:
                raise DataError("its arrays have another length than those of the run")
            return _decoded(head, terms, _read_arrays(file, body_length, head.arrays))
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror})") from None
    except MemoryError:
        raise DataError("it is larger than memory") from None


def _read_head(file: io.BufferedReader, size: int) -> tuple[_Head, int]:
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        raise DataError("it is cut short")
    magic, head_length, body_length, digest = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise DataError("it does not begin as a checkpoint of this version does")
    if head_length > HEAD_BYTES_MAX or size != _PREFIX.size + head_length + body_length:
        raise DataError("it is cut short, or longer than it says")
    text = file.read(head_length)
    if _digest(text) != digest:
        raise DataError("the digest of its head is wrong")
    try:
        return _Head.model_validate_json(text), body_length
    except ValidationError:
        raise DataError("its head is not that of a checkpoint") from None


def _refuse_others(path: Path, head: _Head, terms: Terms) -> None:
    theirs = tuple((name, bytes.fromhex(digest)) for name, digest in head.digests)
    differing = [*(["key"] if head.key != terms.key.hex() else []), *differences(terms.digests, theirs)]
    if differing:
        raise SettingsError(
            f"{path} is of another run (it differs in: {', '.join(differing)}): make node.toml what it was, "
            "or begin anew with `gossipfl node --fresh`, which puts the old state aside."
        )


def _read_arrays(file: io.BufferedReader, length: int, wanted: str) -> bytearray:
    body, digest, filled = bytearray(length), hashlib.blake2b(digest_size=32), 0
    view = memoryview(body)
    while count := file.readinto(view[filled : filled + _PIECE_BYTES]):
        digest.update(view[filled : filled + count])
        filled += count
    if filled < length or digest.hexdigest() != wanted:
        raise DataError("the digest of its arrays is wrong")
    return body


def _decoded(head: _Head, terms: Terms, body: bytearray) -> Checkpoint:
    view, first, size = memoryview(body), body_bytes(terms.state), body_bytes(terms.whole)
    state = split_body(view[:first], terms.state)
    starts = range(first, first + head.payloads * size, max(size, 1))
    payloads = [split_body(view[start : start + size], terms.whole) for start in starts]
    if not all(np.isfinite(array).all() for payload in payloads for array in payload):
        raise DataError("it holds values that are no finite numbers")
    try:
        links = tuple(
            LinkMemory(peer, numbers, tuple(payloads[place] for place in places))
            for peer, numbers, places in head.links
        )
        proofs = tuple(Proof(*(read_statement(bytes.fromhex(each)) for each in pair)) for pair in head.proofs)
    except (IndexError, RemoteProtocolError):
        raise DataError("its head does not fit its arrays") from None
    offences = tuple(Offences(*each) for each in head.offences)
    memory = Memory(head.round, state, dict(head.newest), links, proofs, head.newcomer, head.late, offences)
    return Checkpoint(head.generation, head.epoch, memory)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()
