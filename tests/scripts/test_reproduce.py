"""The script that repeats what is claimed: what it runs, prints, writes and refuses."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
LAWS = ("R1", "R2", "R3", "R4", "R5", "R8")
ON_FILES = ("R6", "R7", "R9", "R11")


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def room(name: str) -> Any:
    return import_module(f"reproduction.{name}")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, where R1 takes the root of 4 and demands that it is 2, and R2 the root of -1."""
    outcome, main = room("outcome"), room("__main__")

    def conclude(results: Any) -> Any:
        from gossipfl.report.style import new_figure

        row = outcome.Outcome("The root of 4", str(results["root"]), "2 | no less", results["root"] == 2.0)
        return outcome.Findings([row], {"root.png": new_figure(1, 1)}, ["A note."])

    def of(name: str, argument: float) -> Any:
        return outcome.Reproduction(
            name, "Roots", "Heron.", lambda _: [outcome.Work("root", math.sqrt, (argument,))], conclude
        )

    rows = (
        of("R1", 4.0),
        of("R2", 9.0),
        of("R3", -1.0),
        replace(of("R7", 4.0), needs_data=True, in_quick=False),
    )
    monkeypatch.setattr(main, "REPRODUCTIONS", rows)
    return main.main


def test_what_passes_is_told_and_written(command: Any, tmp_path: Path, capsys: Any) -> None:
    assert command(["--only", "R1", "--quick", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "pass  The root of 4: 2.0 (expected 2 | no less)" in said.out
    assert "scripts/reproduce --only R1 --quick" in said.out
    page = (tmp_path / "reproduction.md").read_text(encoding="utf-8")
    assert "1 of 1 rows pass" in page
    assert "| The root of 4 | 2.0 | 2 \\| no less |  | pass |" in page
    assert "![Roots](reproduction/root.png)" in page
    assert (tmp_path / "reproduction" / "root.png").is_file()


def test_some_that_are_repeated_leave_the_others_on_the_page(command: Any, tmp_path: Path) -> None:
    page = tmp_path / "reproduction.md"
    command(["--only", "R2", "--quick", "--out", str(tmp_path)])
    command(["--only", "R1", "--quick", "--out", str(tmp_path)])
    both = page.read_text(encoding="utf-8")
    assert "1 of 2 rows pass" in both
    assert both.index("- [R1](#r1) Roots") < both.index("- [R2]") < both.index("## R1") < both.index("## R2")
    command(["--only", "R2", "--quick", "--out", str(tmp_path)])
    assert page.read_text(encoding="utf-8") == both


def test_a_row_or_a_run_that_fails_fails_the_command(command: Any, capsys: Any) -> None:
    assert command(["--only", "r2", "--only", "R3", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    missed, broken = (each["outcomes"][0] for each in told["reproductions"])
    assert not told["passed"]
    assert (missed["measured"], missed["passed"]) == ("3.0", False)
    assert (broken["claim"], broken["passed"]) == ("The run root ends", False)
    assert "ValueError" in broken["measured"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--only", "R9"], "known are R1, R2, R3, R7"),
        (["--only", "R7"], "name their folder by --data-dir"),
        (["--only", "R7", "--quick"], "leave out --quick"),
        (["--data-dir", "nowhere"], "has no folder 'mnist10k'"),
        (["--loud"], "--loud"),
    ],
)
def test_wrong_use_is_refused_with_advice(command: Any, words: list[str], advice: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as refusal:
        command(words)
    assert refusal.value.code == 2
    assert advice in capsys.readouterr().err


def test_without_files_only_laws_are_run() -> None:
    setting = room("outcome").Setting()
    for each in room("catalogue").REPRODUCTIONS:
        assert each.needs_data == (each.name in ON_FILES)
        assert each.in_quick == (each.name in LAWS)
        if not each.needs_data:
            assert each.plan(setting)


@pytest.mark.parametrize("quick", [True, False])
def test_runs_have_names_of_their_own_and_travel_to_other_processes(quick: bool, tmp_path: Path) -> None:
    setting = room("outcome").Setting(quick, None if quick else tmp_path)
    for each in room("catalogue").REPRODUCTIONS:
        if quick and not each.in_quick:
            continue
        works = each.plan(setting)
        assert len({work.name for work in works}) == len(works)
        pickle.dumps(works)


def test_a_decay_meets_its_law_and_a_wrong_law_fails() -> None:
    consensus = room("consensus")
    found = consensus.decay("torus", 16)
    assert all(row.passed for row in consensus.conclude({"torus": found}).outcomes)
    wrong = consensus.conclude({"torus": found | {"second": found["second"] - 0.01}}).outcomes
    assert not all(row.passed for row in wrong)


def test_lost_messages_cost_running_sums_nothing_and_others_the_truth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push_sum = room("push_sum")
    monkeypatch.setattr(push_sum, "LOSSY_ROUNDS", 150)
    assert push_sum.lossy_error(push_sum.Summing, 0.1)["last"] < 1e-11
    assert push_sum.lossy_error(push_sum.Naive, 0.1)["last"] > 0.01


def test_the_optimum_of_unlike_data_is_one() -> None:
    problem = room("heterogeneity").sorted_tumours()
    vectors = problem.optimum()[None].repeat(len(problem.rows), axis=0)
    gradients = problem.gradients(vectors)
    assert abs(gradients.mean(axis=0)).max() < 1e-15
    assert abs(gradients).max() > 1e-3, "the data are unlike"
