"""What a node says of its model when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_journal import heard_by, journal_in

from gossipfl.cli.outcome import left_behind
from gossipfl.experiment.defence import Defence


def ended(
    folder: Path, round: int, size: float, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], str]:
    """The summary, and the last words, of a node that ends in `round` with parameters of a `size`."""
    monkeypatch.setattr("gossipfl.cli.outcome.Explanation.of", lambda *_: None)
    monkeypatch.setattr("gossipfl.cli.outcome.save_model", lambda *_: None)
    said: list[str] = []
    journal = journal_in(folder, heard_by(said))
    journal.round = round
    journal.close()
    parts = {"file": journal._member.file, "state_path": folder, "model": None, "defence": Defence()}
    member: Any = SimpleNamespace(**parts, dataset=SimpleNamespace(classes=("no", "yes")))
    facts = {"finished": 1, "diverged": ""}
    return left_behind(member, np.full(3, size), journal, facts, heard_by(said)), said[-1]


def test_a_node_that_closed_no_round_says_that_its_model_has_learned_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, words = ended(tmp_path, 0, 1.0, monkeypatch)
    assert words.startswith("finished before its first round was closed")
    assert words.endswith("its model has learned nothing yet")
    summary, words = ended(tmp_path, 3, 1.0, monkeypatch)
    assert "in round 3" in words
    assert summary["diverged"] == ""


def test_a_node_whose_model_grew_beyond_reason_ends_as_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary, _ = ended(tmp_path, 3, 1e9, monkeypatch)
    assert "grew beyond all reason" in summary["diverged"]
