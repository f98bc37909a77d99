"""The boot epoch grows with each start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gossipfl.errors import SettingsError
from gossipfl.node.boot import next_epoch


def test_an_epoch_grows_even_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next_epoch(tmp_path / "epoch")
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    assert next_epoch(tmp_path / "epoch") == first + 1
    assert next_epoch(tmp_path / "epoch") == first + 2
    assert [path.name for path in tmp_path.iterdir()] == ["epoch"]


@pytest.mark.parametrize("text", ["", "soon", "-3", "9" * 40])
def test_a_spoilt_file_counts_as_the_first_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "epoch").write_text(text, "ascii")
    assert abs(next_epoch(tmp_path / "epoch") - time.time_ns()) < 10**12


def test_an_epoch_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="epoch"):
        next_epoch(tmp_path / "absent" / "epoch")
