"""Whatever is done to a line of a chain shows, and what was torn is put aside."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gossipfl.errors import DataError
from gossipfl.node.chain import LINE_BYTES_MAX, START, follow, forge, last_whole
from gossipfl.node.chainfile import ChainFile
from gossipfl.protocol.identity import Identity

SIGNER = Identity(b"\1" * 32)
LINES = 6


def lines_of(count: int = LINES) -> list[bytes]:
    head, lines = START, []
    for number in range(count):
        line, head = forge(head, {"what": "sent", "to": f"b{number}"}, SIGNER if number == 3 else None)
        lines.append(line)
    return lines


def whole_lines(data: bytes) -> tuple[int, str]:
    """How many lines follow one another, and what is said of the next."""
    count = 0
    try:
        for _ in follow(io.BytesIO(data)):
            count += 1
    except DataError as error:
        return count, str(error)
    return count, ""


def test_a_chain_that_nobody_touched_is_whole() -> None:
    assert whole_lines(b"".join(lines_of())) == (LINES, "")


@pytest.mark.parametrize("number", range(LINES))
def test_each_bit_that_is_turned_in_a_line_is_found_there(number: int) -> None:
    lines = lines_of()
    for place in range(len(lines[number])):
        turned = bytearray(lines[number])
        turned[place] ^= 1
        count, why = whole_lines(b"".join([*lines[:number], bytes(turned), *lines[number + 1 :]]))
        assert count == number
        assert why


@pytest.mark.parametrize("number", range(LINES - 1))
def test_a_line_that_is_removed_or_put_twice_or_forged_is_found(number: int) -> None:
    lines = lines_of()
    forged = forge(START._replace(seq=number), {"what": "sent", "to": "mallory"})[0]
    for changed in (
        lines[:number] + lines[number + 1 :],
        [*lines[: number + 1], *lines[number:]],
        [*lines[: number + 1], forged, *lines[number + 1 :]],
    ):
        count, why = whole_lines(b"".join(changed))
        assert count in (number, number + 1)
        assert "does not follow" in why


@pytest.mark.parametrize("pair", list(itertools.combinations(range(LINES), 2)))
def test_two_lines_that_are_swapped_are_found(pair: tuple[int, int]) -> None:
    lines = lines_of()
    one, other = pair
    lines[one], lines[other] = lines[other], lines[one]
    count, why = whole_lines(b"".join(lines))
    assert count == one
    assert "does not follow" in why


def test_a_chain_forged_anew_without_the_key_is_not_signed_by_it() -> None:
    facts = {"what": "started"}
    (true,) = follow(io.BytesIO(forge(START, facts, SIGNER)[0]))
    (false,) = follow(io.BytesIO(forge(START, facts, Identity(b"\2" * 32))[0]))
    (bare,) = follow(io.BytesIO(forge(START, facts)[0]))
    assert [line.signed_by(SIGNER.key) for line in (true, false, bare)] == [True, False, False]


@pytest.mark.parametrize(
    "hostile",
    [
        b"x" * 10_000_000,
        b"\0" * 100_000,
        b"[" * 4000 + b"\n",
        b"\n",
        b'{"seq":1,"before":"' + b"0" * 64 + b'"}\n',
        lines_of(1)[0][:-1],
    ],
    ids=["huge", "zeros", "deep", "empty", "no hash", "torn"],
)
def test_a_hostile_line_is_refused_and_never_kept_whole(hostile: bytes) -> None:
    class Counting(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            self.most = max(self.most, len(line))
            return line

    file = Counting(hostile)
    with pytest.raises(DataError):
        list(follow(file))
    assert file.most <= LINE_BYTES_MAX + 1


def test_a_line_too_long_to_be_read_is_not_written() -> None:
    with pytest.raises(ValueError, match="longer than"):
        forge(START, {"to": "x" * LINE_BYTES_MAX})


@pytest.mark.parametrize("tail", [b"", b'{"seq":7', b"\0" * 70_000, b"\n" * 70_000, b"junk\n" * 20_000])
def test_the_last_whole_line_is_found_behind_any_tail(tail: bytes) -> None:
    data = b"".join(lines_of())
    end, head = last_whole(io.BytesIO(data + tail))
    assert (end, head.seq) == (len(data), LINES)


@pytest.mark.parametrize("data", [b"", b"\0" * 200_000, b"\n" * 200_000])
def test_a_file_without_a_whole_line_begins_anew(data: bytes) -> None:
    assert last_whole(io.BytesIO(data)) == (0, START)


def whats(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [line.facts["what"] for line in follow(file)]


def chain_in(path: Path, said: list[str], opened: Callable[[Path], io.FileIO] | None = None) -> ChainFile:
    return ChainFile(path, SIGNER, said.append, opened) if opened else ChainFile(path, SIGNER, said.append)


def test_a_chain_goes_on_over_lives(tmp_path: Path) -> None:
    path, said = tmp_path / "a.jsonl", list[str]()
    for _ in range(3):
        chain = chain_in(path, said)
        chain.begin("started")
        chain.write("sent", to="b")
        chain.sync()
        chain.close()
    assert whats(path) == ["started", "sent"] * 3
    assert said == []


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_a_torn_tail_is_put_aside_loudly_and_the_chain_goes_on(tmp_path: Path, cut: int) -> None:
    path, said = tmp_path / "a.jsonl", list[str]()
    chain = chain_in(path, said)
    chain.write("sent", to="b")
    chain.write("sent", to="c" * 100)
    chain.close()
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    chain = chain_in(path, said)
    chain.begin("started")
    chain.close()
    assert whats(path) == ["sent", "mended", "started"]
    assert data.splitlines()[1][: -cut + 1 or None] == (tmp_path / "a.jsonl.torn-1").read_bytes()
    assert len(said) == 1
    assert "were no whole line" in said[0]


def test_a_torn_tail_stays_where_it_is_until_it_can_be_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path, said = tmp_path / "a.jsonl", list[str]()
    torn = lines_of(2)[0] + b"torn"
    path.write_bytes(torn)
    chain = chain_in(path, said)
    with monkeypatch.context() as patched:
        patched.setattr("gossipfl.node.chainfile.os.fsync", full)
        for _ in range(3):
            chain.write("sent", to="b")
    assert path.read_bytes() == torn
    assert list(tmp_path.iterdir()) == [path]
    chain.write("sent", to="c")
    chain.close()
    assert whats(path) == ["sent", "mended", "lost", "sent"]
    assert (tmp_path / "a.jsonl.torn-1").read_bytes() == b"torn"


class Failing(io.FileIO):
    """A file on a disk that takes `room` more bytes, shared by all files that `opened` opens."""

    room = [0]  # noqa: RUF012  shared on purpose

    def write(self, data: object, /) -> int:
        taken = bytes(data)[: self.room[0]]  # type: ignore[call-overload]
        self.room[0] -= len(taken)
        if not taken:
            raise OSError(28, "No space left on device")
        return super().write(taken)


@pytest.mark.parametrize("room", [0, 1, 300, 400])
def test_a_full_disk_is_told_once_and_what_was_lost_when_there_is_room(tmp_path: Path, room: int) -> None:
    path, said = tmp_path / "a.jsonl", list[str]()
    chain = chain_in(path, said, lambda path: Failing(path, "a+"))
    Failing.room[0] = room
    chain.begin("started")
    for _ in range(10):
        chain.write("sent", to="b")
    before = path.read_bytes()
    assert len(whats(path)) == before.count(b"\n")
    Failing.room[0] = 1_000_000
    chain.write("sent", to="c")
    chain.close()
    lost = 10 - before.count(b'"sent"')
    told = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["what"] for line in told][-2:] == ["lost", "sent"]
    assert told[-2]["entries"] == lost > 0
    assert whats(path).count("started") == 1
    assert [("cannot be written" in words, "written again" in words) for words in said] == [
        (True, False),
        (False, True),
    ]


def test_a_path_that_cannot_be_opened_stops_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    chain = chain_in(tmp_path, said)  # a folder
    chain.begin("started")
    chain.write("sent", to="b")
    chain.sync()
    assert chain.close() is None
    assert len(said) == 2
    assert "cannot be written" in said[0]
    assert "lacks the last 2 entries" in said[1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_device_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to("/dev/full")
    said: list[str] = []
    chain = chain_in(tmp_path / "a.jsonl", said)
    chain.begin("started")
    chain.write("sent", to="b")
    chain.close()
    assert "No space left on device" in said[0]


def test_what_is_changed_while_the_node_runs_breaks_the_chain_at_its_next_line(tmp_path: Path) -> None:
    path, said = tmp_path / "a.jsonl", list[str]()
    chain = chain_in(path, said)
    chain.write("sent", to="b")
    path.write_bytes(forge(START, {"what": "sent", "to": "nobody"})[0])
    chain.write("sent", to="c")
    chain.close()
    assert whole_lines(path.read_bytes())[0] == 1
