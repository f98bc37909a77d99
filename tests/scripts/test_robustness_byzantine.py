"""The grid of attacks and rules: what it runs, what the default misses, and the page that two modes write."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gossipfl.learn.robust.catalogue import DEFAULT_RULE

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def room(name: str) -> Any:
    return import_module(f"robustness_runs.{name}")


def found(**instead: tuple[float, float]) -> list[Any]:
    """What the mean and the default come to; `instead`, under some attacks, the default alone."""
    grid = room("grid")
    alike = [(rule, attack, True) for rule in ("mean", DEFAULT_RULE) for attack in grid.ATTACKS]
    cells = [*alike, *((rule, attack, False) for rule, attack, _ in alike)]
    shut_out = [
        grid.Judged(grid.Cell(rule, "dissensus", 0, quarantine=True), 95.5, 94.0, 0)
        for rule in ("mean", DEFAULT_RULE)
    ]
    return shut_out + [
        grid.Judged(
            grid.Cell(rule, attack, 0, grid.FEW, True) if few else grid.Cell(rule, attack, 0),
            *(instead.get(attack, (96.0, 95.0)) if rule == DEFAULT_RULE and not few else (96.2, 95.0)),
            0,
        )
        for rule, attack, few in cells
    ]


@pytest.mark.parametrize(
    ("instead", "missed"),
    [
        ({}, []),
        ({"ipm": (94.9, 94.0)}, ["ipm 94.90 < 95.0"]),
        ({"gauss": (95.5, 80.0)}, ["gauss, worst peer 80.00 < 88.0"]),
        ({"none": (95.8, 95.0)}, ["cost without attack 0.40 > 0.3"]),
    ],
)
def test_what_the_default_misses_is_said(instead: dict[str, tuple[float, float]], missed: list[str]) -> None:
    text, said = room("byzantine").told(["mean", DEFAULT_RULE], found(**instead))
    assert said == missed
    assert f"the mean comes to 95.5 (94.0), {DEFAULT_RULE} to 95.5 (94.0)" in text
    assert "| mean | 0 | 0.00 | 96.2 (95.0) [96.2] |" in text


def test_a_cell_is_one_run_whose_worst_peer_is_of_those_within_the_bound() -> None:
    grid = room("grid")
    run = SimpleNamespace(
        summary={"peers": 5, "attackers": [3, 4], "accuracy_per_peer": [0.9, 0.2, 0.8]},
        graph={"edges": [[0, 2], [0, 3], [1, 3], [1, 4], [0, 1]]},
    )
    assert grid._worst(run, 2) == (pytest.approx(20.0), 0)
    assert grid._worst(run, 1) == (pytest.approx(80.0), 1)
    assert grid._worst(run, 0) == (pytest.approx(20.0), 0), "the mean stands nobody, and is judged by all"


def test_each_mode_keeps_the_section_of_the_other() -> None:
    page = room("page")
    faults, attackers, *_ = page.SECTIONS
    one = page.with_section("", attackers, "Rules.\n")
    both = page.with_section(one, faults, "Cuts.")
    assert both == page.HEAD + "\n## What faults cost\n\nCuts.\n\n## What attackers cost\n\nRules.\n"
    assert page.with_section(both, attackers, "Rules.") == both
    assert "Anew.\n\n## What attackers cost" in page.with_section(both, faults, "Anew.")


def test_a_rule_that_is_not_in_the_grid_is_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        room("byzantine").main(["krumm"])
    assert "there is no rule 'krumm'" in capsys.readouterr().err
