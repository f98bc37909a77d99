"""One checkpoint as a file: whatever is torn, turned or made up in it is found, and nothing crashes."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import HELD, STATE, TERMS, TOLD, TWO, bytes_of, memory, same
from hosts import manifest

from gossipfl.errors import DataError, SettingsError
from gossipfl.node.checkpoint import MAGIC, Checkpoint, encode, read_checkpoint
from gossipfl.protocol.layout import layout_of

PREFIX = struct.Struct(">16sIQ32s")


def read(path: Path, data: bytes) -> Checkpoint:
    path.write_bytes(data)
    return read_checkpoint(path, TERMS)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    found = read(tmp_path / "c", bytes_of(memory(), generation=41, epoch=(1 << 63) - 1))
    assert (found.generation, found.epoch) == (41, (1 << 63) - 1)
    assert same(found.memory, memory())


def test_what_many_links_share_is_written_once() -> None:
    kept = memory()
    links = tuple(kept.links[0]._replace(peer=peer) for peer in range(100))
    sizes = [
        sum(memoryview(piece).nbytes for piece in list(encode(Checkpoint(1, 1, each), TERMS))[2:])
        for each in (kept, kept._replace(links=links))
    ]
    assert sizes[0] == sizes[1] == sum(array.nbytes for array in (*STATE, *TOLD, *HELD))


def test_a_file_torn_at_any_byte_is_found(tmp_path: Path) -> None:
    whole = bytes_of(memory())
    for end in range(len(whole)):
        with pytest.raises(DataError):
            read(tmp_path / "c", whole[:end])
    with pytest.raises(DataError, match="longer than it says"):
        read(tmp_path / "c", whole + b"\0")


def test_a_file_whose_end_never_reached_the_disk_is_found(tmp_path: Path) -> None:
    """A system may have given a file its length before its content."""
    whole = bytes_of(memory())
    for end in range(len(whole)):
        if any(whole[end:]):
            with pytest.raises(DataError):
                read(tmp_path / "c", whole[:end] + bytes(len(whole) - end))


def test_each_bit_that_turns_is_found(tmp_path: Path) -> None:
    kept, terms = memory()._replace(proofs=()), TERMS._replace(digests=TERMS.digests[:1])
    whole, path = bytes_of(kept, terms=terms), tmp_path / "c"
    path.write_bytes(whole)
    with path.open("r+b", buffering=0) as file:
        for place in range(8 * len(whole)):
            byte = whole[place // 8]
            for turned in (byte ^ 1 << place % 8, byte):
                file.seek(place // 8)
                file.write(bytes([turned]))
                if turned != byte:
                    with pytest.raises(DataError):
                        read_checkpoint(path, terms)
    assert same(read_checkpoint(path, terms).memory, kept)


@pytest.mark.parametrize(
    ("terms", "differing"),
    [
        (TERMS._replace(key=TWO.key), "key"),
        (TERMS._replace(digests=manifest("mlp").digests), "model"),
        (TERMS._replace(digests=TERMS.digests[:-1]), "model"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_name(tmp_path: Path, terms: Any, differing: str) -> None:
    (tmp_path / "c").write_bytes(bytes_of(memory(), terms=terms))
    with pytest.raises(SettingsError, match=rf"differs in: {differing}\).*--fresh"):
        read_checkpoint(tmp_path / "c", TERMS)


def test_arrays_of_another_shape_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(bytes_of(memory()))
    other = TERMS._replace(state=layout_of((*STATE, np.zeros(1))))
    with pytest.raises(DataError, match="another length"):
        read_checkpoint(tmp_path / "c", other)


def made_up(head: bytes, body: bytes = b"", *, claims: int | None = None) -> bytes:
    """A file with a right digest, by somebody who knows the form."""
    length = len(body) if claims is None else claims
    return PREFIX.pack(MAGIC, len(head), length, hashlib.blake2b(head, digest_size=32).digest()) + head + body


def changed(**facts: Any) -> bytes:
    """A true checkpoint but for these facts of its head."""
    whole = bytes_of(memory())
    length = PREFIX.unpack_from(whole)[1]
    head = json.loads(whole[PREFIX.size : PREFIX.size + length]) | facts
    return made_up(json.dumps(head).encode(), whole[PREFIX.size + length :])


@pytest.mark.parametrize(
    "data",
    [
        made_up(b""),
        made_up(b"null"),
        made_up(b"[" * 100_000),
        made_up(b'{"key":' * 100_000),
        made_up(b"\xff\xfe"),
        made_up(b"9" * 100_000),
        made_up(b"{}", claims=(1 << 64) - 1),
        PREFIX.pack(MAGIC, (1 << 32) - 1, 0, bytes(32)),
        changed(round=-1),
        changed(round=True),
        changed(round="7"),
        changed(round=1e3),
        changed(epoch=1 << 63),
        changed(payloads=(1 << 32) - 1),
        changed(payloads=0),
        changed(links=[[5, [], [2]]]),
        changed(links=[[5, [], [-1]]]),
        changed(links=[[5, []]]),
        changed(newest=[[5, [1, 2]]]),
        changed(newest=[[5, [1, 2, 3, 4]]]),
        changed(newest=[[5, ["1", 2, 3]]]),
        changed(proofs=[["00", "00"]]),
        changed(proofs=[["zz", "00"]]),
        changed(proofs=[["00"]]),
        changed(arrays="00"),
        changed(more=1),
    ],
)
def test_what_somebody_made_up_is_spoilt_and_no_more(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError):
        read(tmp_path / "c", data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_not_taken_from_links(tmp_path: Path, value: float) -> None:
    kept = memory()
    told = (np.array([1, value, 3], np.float32),)
    with pytest.raises(DataError, match="no finite numbers"):
        read(tmp_path / "c", bytes_of(kept._replace(links=(kept.links[0]._replace(payloads=(told,)),))))


def test_a_folder_in_its_place_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_checkpoint(tmp_path, TERMS)
