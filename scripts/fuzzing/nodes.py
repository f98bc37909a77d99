"""What a node reads from its own folder, and what it is asked at its window."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import trio
import trio.testing

from fuzzing.streams import OWN, THIRD, proof
from fuzzing.target import file_of, refusing
from gossipfl.errors import DataError, KeyFileError, SettingsError
from gossipfl.node.boot import next_epoch
from gossipfl.node.chain import START, forge, last_whole
from gossipfl.node.chainfile import ChainFile
from gossipfl.node.checkpoint import MAGIC, Checkpoint, Terms, encode, read_checkpoint
from gossipfl.node.handshake import BROKEN
from gossipfl.node.keyfile import load_key
from gossipfl.node.limits import Allowance
from gossipfl.node.window import Page, _converse
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.memory import LinkMemory, Memory, Place
from gossipfl.report.account import account
from gossipfl.report.run import to_json

_STATE = (np.arange(3.0), np.asarray(2.5))
_TOLD = (np.array([1, 2, 3], np.float32),)
_TERMS = Terms(
    OWN.key, Manifest.of("fuzz", 10, layout_of(_TOLD)).digests, layout_of(_STATE), layout_of(_TOLD)
)
_PREFIX = struct.Struct(">16sIQ32s")
_ARRAYS = re.compile(rb'"arrays":"[^"]*"')
_PAGES = {"/health": lambda: Page(200, "application/json", b'{"healthy":true}')}


def _checkpoint(data: bytes) -> None:
    read_checkpoint(file_of("checkpoint", data), _TERMS)


def _sealed_checkpoint(data: bytes) -> None:
    """A head in JSON, a zero byte, and the arrays, put together with lengths and digests that are right."""
    head, _, arrays = data.partition(b"\0")
    head = _ARRAYS.sub(b'"arrays":"%s"' % _digest(arrays).hex().encode(), head)
    _checkpoint(_PREFIX.pack(MAGIC, len(head), len(arrays), _digest(head)) + head + arrays)


def _checkpoints() -> Iterator[bytes]:
    memory = Memory(
        7,
        _STATE,
        {5: Place(9, 3, 7)},
        (LinkMemory(5, (9, 4), (_TOLD, _TOLD)), LinkMemory(6, (), ())),
        (proof(),),
        late=True,
    )
    for kept in (memory, Memory(1, _STATE, {})):
        yield b"".join(bytes(piece) for piece in encode(Checkpoint(1, 2, kept), _TERMS))


def _heads() -> Iterator[bytes]:
    for whole in _checkpoints():
        _, length, _, _ = _PREFIX.unpack_from(whole)
        end = _PREFIX.size + length
        yield whole[_PREFIX.size : end] + b"\0" + whole[end:]


def _audit(data: bytes) -> None:
    """Told as `gossipfl audit verify` does, and gone on with as a node does."""
    told = account(io.BytesIO(data), OWN.key)
    to_json(told.facts())
    last_whole(io.BytesIO(data))
    path = file_of("audit.jsonl", data)
    chain = ChainFile(path, OWN, lambda _: None)
    chain.begin("started", key=OWN.key.hex())
    chain.write("sent", to="b")
    head = chain.close()
    for aside in path.parent.glob("audit.jsonl.torn-*"):
        aside.unlink()
    if head is None:
        raise AssertionError("An audit log that was spoilt is not written any more.")


def _forged_audit(data: bytes) -> None:
    """Each line tells facts in JSON, which become a line of the chain; the odd ones are signed."""
    lines, head = list[bytes](), START
    for number, text in enumerate(data.split(b"\n")[:32]):
        try:
            facts = json.loads(text)
            line, head = forge(head, facts, OWN if number % 2 else None)
        except (ValueError, TypeError, RecursionError):
            continue  # it is not the chain that would tell such a thing
        lines.append(line)
    _audit(b"".join(lines))


def _logs() -> Iterator[bytes]:
    lines, head = list[bytes](), START
    for number, facts in enumerate(_facts()):
        line, head = forge(head, facts, None if number % 3 else OWN)
        lines.append(line)
    yield b"".join(lines)
    yield b"".join(lines)[:-20]
    yield lines[0]


def _told() -> Iterator[bytes]:
    yield b"\n" + b"\n".join(json.dumps(facts).encode() for facts in _facts())


def _facts() -> Iterator[dict[str, object]]:
    at = {"time": "2026-01-01T00:00:00.000+00:00"}
    whoami = {"name": "own", "key": OWN.key.hex(), "fingerprint": "9f3c-02ab-77d0-e5a1", "epoch": 1}
    sent = {"to": "b", "fingerprint": "9f3c-02ab-77d0-e5a1", "round": 1, "sequence": 1, "bytes": 10}
    yield at | {"what": "started"} | whoami
    yield at | {"what": "sent", "digest": "00"} | sent
    yield at | {"what": "cut-off"} | sent
    yield at | {"what": "stopped"}
    yield at | {"what": "refused", "source": "192.0.2.1", "reason": "tls", "times": 3, "detail": ""}
    yield at | {"what": "quarantined", "who": "b", "reason": "equivocation", "for_s": None}
    yield at | {"what": "lost", "entries": 2}
    yield at | {"what": "mended", "bytes": 20, "digest": "00", "aside": "audit.jsonl.torn-1"}


def _key(data: bytes) -> None:
    load_key(file_of("node.key", data))


def _keys() -> Iterator[bytes]:
    yield f"gossipfl-secret-key:{THIRD.seed.hex()}\n".encode()
    yield f"gossipfl-secret-key:{THIRD.seed.hex()}\r\n".encode()


def _epoch(data: bytes) -> None:
    path = file_of("epoch", data)
    if not 0 < next_epoch(path) < 1 << 63:
        raise AssertionError("An epoch is not what a header and a checkpoint hold.")


def _epochs() -> Iterator[bytes]:
    yield b"1767225600000000000\n"
    yield b"9223372036854775806\n"


def _window(data: bytes) -> None:
    """The first byte says in what pieces it comes; a request is answered, or the connection ends."""

    async def ask() -> None:
        mine, other = trio.testing.memory_stream_pair()
        allowance = Allowance(1e9, 1e9, trio.current_time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, mine)
            await _converse(other, _PAGES, allowance)  # type: ignore[arg-type]
            await other.aclose()

    async def say(mine: trio.StapledStream[object, object]) -> None:
        size = 1 + (data[0] if data else 0) * 16
        with suppress(*BROKEN):  # it need not hear to the end what it does not want
            for at in range(1, len(data), size):
                await mine.send_all(data[at : at + size])
            await mine.send_eof()
        answer = await mine.receive_some(1 << 16)
        if answer and not answer.startswith(b"HTTP/1.1 "):
            raise AssertionError("The window answers what is no HTTP.")

    trio.run(ask, clock=trio.testing.MockClock(autojump_threshold=0))


def _requests() -> Iterator[bytes]:
    for first in (
        b"GET /health HTTP/1.1",
        b"HEAD /health?a=1 HTTP/1.1",
        b"POST /x HTTP/1.1",
        b"GET / HTTP/1.0",
    ):
        yield b"\x40" + first + b"\r\nHost: 127.0.0.1:9464\r\n\r\n"
    yield b"\x00GET /health HTTP/1.1\r\nHost: [::1]:9464\r\nContent-Length: 2\r\n\r\nno"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    yield b"\x01GET /health HTTP/1.1\r\nHost: x.example\r\n" + chunked


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


NODES = (
    refusing("checkpoint", _checkpoint, _checkpoints, DataError, SettingsError),
    refusing("checkpoint-sealed", _sealed_checkpoint, _heads, DataError, SettingsError),
    refusing("audit", _audit, _logs),
    refusing("audit-forged", _forged_audit, _told),
    refusing("key", _key, _keys, KeyFileError),
    refusing("epoch", _epoch, _epochs),
    refusing("window", _window, _requests),
)
