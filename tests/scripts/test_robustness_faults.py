"""The script that measures what faults cost: what passes, what fails, and what it watches."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gossipfl.protocol.messages import Update
from gossipfl.simulator.faults import Instead

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def room(name: str) -> Any:
    return import_module(f"robustness_runs.{name}")


def passes(name: str, **facts: Any) -> bool:
    watching, command = room("watching"), room("faults")
    sound = watching.Seen(command.NO_FAULT.name, 0, 96.0, 0, 3.0, 62.0, None, None, None)
    case = next(case for case in room("cases").CASES if case.name == name)
    _, passed = command._row(case, [sound, sound._replace(case=name, **facts)])
    return bool(passed)


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("SIGKILL 30%", {"accuracy": 95.6}, {"accuracy": 95.4}),
        ("SIGKILL 30%", {"unfinished": 0}, {"unfinished": 1}),
        ("SIGKILL 70%", {"longest_s": 6.0}, {"longest_s": 6.1}),
        ("partition halves", {"reconnected_s": 5.0}, {"reconnected_s": float("inf")}),
        ("partition halves", {"gap": 0.09}, {"gap": 0.11}),
        ("churn 20%", {"rejoined": 2}, {"rejoined": 3}),
        ("gone for good", {"ended_s": 74.0}, {"ended_s": 75.0}),
        ("churn 20%", {"ended_s": 75.0}, {"accuracy": 90.0}),
    ],
)
def test_a_fault_passes_within_its_limits_and_fails_beyond(
    name: str, within: dict[str, Any], beyond: dict[str, Any]
) -> None:
    assert passes(name, **within)
    assert not passes(name, **beyond)


def test_what_is_stale_was_learnt_so_many_rounds_before() -> None:
    stale = room("cases").Stale(2)
    heard = []
    for round in range(1, 6):
        said = stale(0, 1, Update(round, 0, round, 1, 1, (np.array([round]),)), 0.0)
        assert isinstance(said, Instead)
        heard.append((said.messages[0].round, int(said.messages[0].payload[0][0])))  # type: ignore[union-attr]
    assert heard == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3)]


def test_the_first_word_says_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert room("__main__").main(["nothing"]) == 2
    assert "faults,byzantine,processes" in capsys.readouterr().err
    for mode in ("faults", "byzantine", "processes"):
        with pytest.raises(SystemExit) as end:
            room("__main__").main([mode, "--help"])
        assert end.value.code == 0
        assert f"scripts/robustness {mode}" in capsys.readouterr().out
