"""The script that kills writers of checkpoints: it finds a careless one, and not the real one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def mode(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return import_module("robustness_runs.checkpoints")


def carelessly(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Over what there is, piece by piece."""
    with path.open("wb", buffering=0) as file:
        for piece in pieces:
            for byte in range(0, len(piece), 512):
                file.write(piece[byte : byte + 512])


def test_kills_spoil_and_lose_nothing(mode: Any, tmp_path: Path) -> None:
    tally = mode.killed_again_and_again(tmp_path, 30, seed=0)
    assert (tally.kills, tally.spoilt, tally.forgotten) == (30, 0, 0)
    assert tally.kept >= 30
    assert all(row.passed for row in mode.judged(tally))


def test_who_writes_over_the_old_file_is_found_out(mode: Any, tmp_path: Path) -> None:
    tally = mode.killed_again_and_again(tmp_path, 60, seed=0, write=carelessly)
    assert tally.spoilt > 0
    assert not mode.judged(tally)[0].passed


def test_a_round_that_is_not_there_though_it_was_said_to_be_is_found(mode: Any, tmp_path: Path) -> None:
    tally = mode.killed_again_and_again(tmp_path, 2, seed=0, write=lambda *_: None)
    assert tally.forgotten > 0
    assert not mode.judged(tally)[1].passed
