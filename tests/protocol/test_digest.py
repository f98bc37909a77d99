"""The digest of a body is the same however it is cut and hashed; another body has another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from gossipfl.protocol import digest as module
from gossipfl.protocol.digest import BodyHash, body_digest

LEAF = 8
BODY = bytes(range(1, 30))


@pytest.fixture(autouse=True)
def _small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAF_BYTES", LEAF)


@pytest.mark.parametrize("length", [0, 1, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF, len(BODY)])
def test_it_is_the_hash_of_the_hashes_of_the_leaves(length: int) -> None:
    body = BODY[:length]
    leaves = [sha256(body[start : start + LEAF]).digest() for start in range(0, length, LEAF)]
    assert body_digest([memoryview(body)]) == sha256(b"".join(leaves)).digest()


@pytest.mark.parametrize("size", [1, 3, LEAF - 1, LEAF, LEAF + 1, 20, len(BODY)])
def test_it_is_the_same_however_the_body_comes(size: int) -> None:
    pieces = [memoryview(BODY[start : start + size]) for start in range(0, len(BODY), size)]
    coming = BodyHash()
    for piece in pieces:
        coming.update(piece)
    with ThreadPoolExecutor(3) as pool:
        assert body_digest([memoryview(BODY)]) == body_digest(pieces, pool.map) == coming.digest()


@pytest.mark.parametrize("place", range(len(BODY)))
def test_every_byte_counts(place: int) -> None:
    other = bytearray(BODY)
    other[place] ^= 1
    assert body_digest([memoryview(other)]) != body_digest([memoryview(BODY)])
