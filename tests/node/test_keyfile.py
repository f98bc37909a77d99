"""Key files are their owner's alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gossipfl.errors import KeyFileError
from gossipfl.node.keyfile import create_key, load_key

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    made = create_key(path)
    assert load_key(path).key == made.key
    assert "seed" not in repr(made)


@posix
def test_a_new_key_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    create_key(tmp_path / "node.key")
    assert (tmp_path / "node.key").stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    first = create_key(path)
    with pytest.raises(KeyFileError, match="exists already"):
        create_key(path)
    assert load_key(path).key == first.key


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o010])
def test_a_key_file_that_others_could_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "node.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(path)


@posix
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_key(tmp_path / "node.key")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyFileError, match="owner"):
        load_key(tmp_path / "node.key")


@pytest.mark.parametrize("text", ["", "secret", "gossipfl-secret-key:" + "0" * 63, "ab" * 32, "x" * 999])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "node.key"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeyFileError, match="holds no secret key"):
        load_key(path)


def test_an_absent_key_file_is_named_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="gossipfl key new"):
        load_key(tmp_path / "none.key")


@posix
def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        load_key(tmp_path)


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        create_key(tmp_path / "key")
