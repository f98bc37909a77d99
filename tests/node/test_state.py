"""The state folder: two generations, a lock, and disks that fail."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from checkpoints import ONE, TERMS, memory, same
from hosts import manifest

from gossipfl.errors import SettingsError
from gossipfl.node.durable import Buffer, write_durably
from gossipfl.node.state import SLOTS, StateFolder

linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root of Linux mounts a disk for it"
)


def begun(path: Path) -> StateFolder:
    """The folder as a node that has just started has it, and what it recalled is forgotten."""
    folder = StateFolder(path)
    folder.recall(TERMS)
    folder.begin()
    return folder


def kept(path: Path, *rounds: int) -> None:
    folder = begun(path)
    for round_ in rounds:
        assert folder.keep(memory(round_), TERMS) is None


def test_what_was_kept_last_is_recalled_and_the_one_before_is_still_there(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    found = StateFolder(tmp_path).recall(TERMS)
    assert found.complaints == ()
    assert found.memory
    assert same(found.memory, memory(3))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"epoch", *SLOTS}


def test_an_empty_folder_recalls_nothing(tmp_path: Path) -> None:
    assert StateFolder(tmp_path).recall(TERMS) == (None, ())


@pytest.mark.parametrize("rounds", [(1, 2), (1, 2, 3)])
def test_the_older_generation_serves_where_the_newer_is_torn_at_any_byte(
    tmp_path: Path, rounds: tuple[int, ...]
) -> None:
    kept(tmp_path, *rounds)
    newer = tmp_path / SLOTS[(len(rounds) - 1) % 2]
    whole = newer.read_bytes()
    for end in range(0, len(whole), 7):
        newer.write_bytes(whole[:end])
        found = StateFolder(tmp_path).recall(TERMS)
        assert found.memory is not None
        assert found.memory.round == rounds[-2]
        (words,) = found.complaints
        assert f"{newer} is spoilt" in words
        assert f"goes on from the one before, of round {rounds[-2]}" in words


def test_the_next_checkpoint_takes_the_place_of_the_spoilt_one(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    (tmp_path / SLOTS[0]).write_bytes(b"spoilt")
    kept(tmp_path, 4)
    (tmp_path / SLOTS[1]).unlink()
    found = StateFolder(tmp_path).recall(TERMS)
    assert found.memory is not None
    assert (found.memory.round, found.complaints) == (4, ())


def test_generations_go_on_over_a_restart(tmp_path: Path) -> None:
    for round_ in range(1, 6):
        kept(tmp_path, round_)
        found = StateFolder(tmp_path).recall(TERMS)
        assert found.memory is not None
        assert found.memory.round == round_


def test_where_all_are_spoilt_a_node_begins_as_a_newcomer_and_keeps_them(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2)
    for slot in SLOTS:
        (tmp_path / slot).write_bytes(b"spoilt")
    found = StateFolder(tmp_path).recall(TERMS)
    assert found.memory is None
    assert "begins as a newcomer" in found.complaints[-1]
    assert [(tmp_path / "before-1" / slot).read_bytes() for slot in SLOTS] == [b"spoilt"] * 2
    kept(tmp_path, 3)
    assert StateFolder(tmp_path).recall(TERMS).complaints == ()


def test_another_run_is_refused_until_the_old_one_is_put_aside(tmp_path: Path) -> None:
    kept(tmp_path, 1)
    (tmp_path / "model.safetensors").write_bytes(b"learned")
    other = TERMS._replace(digests=manifest("mlp").digests)
    folder = StateFolder(tmp_path)
    with pytest.raises(SettingsError, match="--fresh"):
        folder.recall(other)
    aside = folder.put_aside()
    assert aside == tmp_path / "before-1"
    assert sorted(path.name for path in aside.iterdir()) == ["checkpoint.0", "model.safetensors"]
    assert folder.recall(other) == (None, ())
    assert folder.put_aside() is None


# The epoch


def test_an_epoch_grows_over_a_folder_put_aside_and_an_epoch_file_that_is_lost(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.epoch = 1 << 62  # as if a clock had been centuries ahead
    folder.keep(memory(), TERMS)
    (tmp_path / "epoch").unlink()
    assert begun(tmp_path).epoch == (1 << 62) + 1
    again = StateFolder(tmp_path)
    again.put_aside()
    again.recall(TERMS)
    assert again.begin() == (1 << 62) + 2


# The lock


def test_two_cannot_hold_one_folder_and_the_second_is_told_who_does(tmp_path: Path) -> None:
    told = rf"held by another process \({os.getpid()}\)"
    with (
        StateFolder(tmp_path).held(),
        pytest.raises(SettingsError, match=told),
        StateFolder(tmp_path).held(),
    ):
        pytest.fail("It was let in.")
    with StateFolder(tmp_path).held():
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\nfrom gossipfl.node.state import StateFolder\n"
        "with StateFolder(pathlib.Path(sys.argv[1])).held():\n    print('held', flush=True)\n"
        "    sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(SettingsError, match=str(process.pid)), StateFolder(tmp_path).held():
            pytest.fail("It was let in.")
        assert StateFolder(tmp_path).holder == str(process.pid)
    finally:
        process.kill()
        process.communicate()
    with StateFolder(tmp_path).held():
        pass


# Disks that fail


class Disk:
    """Writes while it `works`; else it fails with that error, after some bytes."""

    def __init__(self) -> None:
        self.error: int | None = None

    def write(self, path: Path, pieces: Iterable[Buffer]) -> None:
        write_durably(path, self._failing(pieces) if self.error else pieces)

    def _failing(self, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        yield next(iter(pieces))
        raise OSError(self.error, os.strerror(self.error or 0))


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_an_outage_is_told_once_and_so_is_its_end(tmp_path: Path, error: int) -> None:
    disk = Disk()
    folder = StateFolder(tmp_path, disk.write)
    folder.begin()
    assert folder.keep(memory(1), TERMS) is None
    for _ in range(2):
        disk.error = error
        first = folder.keep(memory(2), TERMS)
        assert first is not None
        assert os.strerror(error) in first
        assert folder.keep(memory(3), TERMS) is None
        found = StateFolder(tmp_path).recall(TERMS)
        assert found.complaints == ()
        assert found.memory is not None
        disk.error = None
        again = folder.keep(memory(4), TERMS)
        assert again == "Checkpoints are written again, from round 4 on."
        assert folder.keep(memory(5), TERMS) is None
    assert not list(tmp_path.glob("*.part"))


@contextmanager
def mounted(path: Path, size: str, *, read_only: bool = False) -> Iterator[None]:
    options = f"size={size}{',ro' if read_only else ''}"
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True)
    if mount.returncode:
        pytest.skip(f"nothing can be mounted here: {mount.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@linux_root
def test_a_disk_that_is_really_full_costs_checkpoints_until_there_is_space(tmp_path: Path) -> None:
    with mounted(tmp_path, "64k"):
        folder = begun(tmp_path)
        assert folder.keep(memory(1), TERMS) is None
        ballast = tmp_path / "ballast"
        with pytest.raises(OSError, match="No space left"):
            _fill(ballast)
        words = folder.keep(memory(2), TERMS)
        assert words is not None
        assert "No space left" in words
        assert folder.keep(memory(3), TERMS) is None
        ballast.unlink()
        assert folder.keep(memory(4), TERMS) is not None
        found = StateFolder(tmp_path).recall(TERMS)
        assert found.memory is not None
        assert (found.memory.round, found.complaints) == (4, ())


@linux_root
def test_a_folder_that_is_really_read_only_is_refused(tmp_path: Path) -> None:
    with (
        mounted(tmp_path, "64k", read_only=True),
        pytest.raises(SettingsError, match="Read-only file system"),
        StateFolder(tmp_path).held(),
    ):
        pytest.fail("It was let in.")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(ONE.key)
    with pytest.raises(SettingsError, match="cannot be written"), StateFolder(tmp_path / "state").held():
        pytest.fail("It was let in.")
