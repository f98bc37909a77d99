"""What a report on a campaign says: intervals, verdicts, the worst first, and nothing a file could inject."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gossipfl.campaign.verdict import _bands
from gossipfl.report.run import to_json
from gossipfl.report.stress.fans import fans
from gossipfl.report.stress.files import write_stress
from gossipfl.report.stress.heat import grid_of, heat_map, pairs
from gossipfl.report.stress.measures import measure_of
from gossipfl.report.stress.result import CellResult, Stress, Verdict, estimate
from gossipfl.report.stress.sentences import complaint, verdicts
from gossipfl.report.stress.tables import with_interval, worst_cases, worst_first

SCORES = {("none", "ring"): 0.95, ("none", "full"): 0.96, ("half", "ring"): 0.85, ("half", "full"): 0.955}


def paper_cell(labels: tuple[str, ...], score: float, drop: float) -> CellResult:
    """A cell of two seeds, `score` in the mean."""
    seeds = {
        seed: {"accuracy_mean": score + off, "accuracy_worst": score - 0.02, "drop": drop}
        for seed, off in ((0, -0.005), (1, 0.005))
    }
    figures = {name: estimate([each[name] for each in seeds.values()]) for name in seeds[0]}
    rounds = [float(round) for round in range(6)]
    rising: list[float | None] = [score * (1 - 0.8**at) for at in rounds]
    curves: dict[str, list[Any]] = {
        "round": rounds,
        **dict.fromkeys(("mean", "mean_low", "mean_high", "worst"), rising),
    }
    known = {name: each for name, each in figures.items() if each is not None}
    commands = {seed: f"gossipfl simulate x --seed {seed}" for seed in seeds}
    return CellResult(labels, "done", None, known, curves, seeds, commands, 0)


def paper_stress(**changes: Any) -> Stress:
    """Two faults on two graphs."""
    cells = [paper_cell(labels, score, SCORES["none", labels[1]] - score) for labels, score in SCORES.items()]
    whole = Stress(
        "paper",
        "accuracy",
        ["4 peers"],
        {"loss": ("none", "half"), "graph": ("ring", "full")},
        {"loss": "none"},
        (0, 1),
        cells,
        [],
        "gossipfl stress paper",
        {"learning": {"rounds": 5}},
        {"loss": {"none": "", "half": "network.loss=0.5"}, "graph": {"ring": "", "full": ""}},
    )
    return replace(whole, **changes)


def test_an_interval_is_that_of_students_t() -> None:
    found = estimate([0.90, 0.92, 0.97])
    assert found is not None
    mean, error = np.mean([0.90, 0.92, 0.97]), np.std([0.90, 0.92, 0.97], ddof=1) / math.sqrt(3)
    assert found.mean == pytest.approx(mean)
    assert found.high == pytest.approx(mean + 4.302653 * error, abs=1e-6)
    assert (found.least, found.most) == (0.90, 0.97)


def test_one_seed_has_no_interval_and_one_that_is_unknown_no_figure() -> None:
    one = estimate([0.5])
    assert one is not None
    assert (one.mean, one.low, one.high) == (0.5, None, None)
    assert estimate([0.5, None]) is None
    assert estimate([math.nan]) is None


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ([0.95, 0.95], "accuracy_mean", "95.0 %"),
        ([0.94, 0.96], "accuracy_mean", "95.0 (94.0 to 96.0) %"),
        ([0.88, 0.90, 0.91, 0.90, 0.91], "accuracy_mean", "90.0 ± 1.5 %"),
        ([0.90, 1.0, 1.0, 1.0, 1.0], "accuracy_mean", "98.0 (92.4 to 100.0) %"),
        ([0.0, 0.1, 0.0, 0.0, 0.0], "attack_success", "2.0 (0.0 to 7.6) %"),
        ([0.01, 0.01], "drop", "1.0 pt"),
        ([1.0, 1.4], "time_ratio", "1.20 (1.00 to 1.40)×"),
        ([0.1, 0.1, 0.1, 0.1, 3.0], "bytes_ratio", "0.68 (0.00 to 2.29)×"),
    ],
)
def test_a_figure_reads_with_its_interval(values: list[float], name: str, words: str) -> None:
    limits = measure_of(name, "accuracy").limits
    assert with_interval(estimate(values, limits), name, "accuracy") == words


def test_the_worst_stands_first_and_a_failed_cell_before_it() -> None:
    stress = paper_stress()
    assert worst_first(stress)[0].labels == ("half", "ring")
    failed = CellResult(("none", "full"), "failed", "It broke.", commands={0: "x"})
    broken = replace(stress, cells=[failed, *(c for c in stress.cells if c.labels != failed.labels)])
    assert worst_first(broken)[0] is failed
    assert not broken.met
    assert "It broke." in complaint(broken)


def test_what_has_no_fault_and_misses_nothing_is_no_worst_case() -> None:
    stress = paper_stress()
    assert [cell.labels[0] for cell in worst_cases(stress, 10)] == ["half", "half"]
    assert len(worst_cases(replace(stress, faults={}), 10)) == 4


def test_the_verdict_names_what_was_lost_and_what_holds_up_best() -> None:
    said = " ".join(verdicts(paper_stress()))
    assert "Most is lost with loss half, graph ring: the mean node falls from 95.0 % to 85.0 %" in said
    assert (
        "Best graph: full, whose worst node never has less than 93.5 % on average over seeds "
        "(93.5 % in the worst run). Worst: ring, 83.0 % on average over seeds (83.0 % in the worst run)."
    ) in said


def test_the_worst_run_is_told_beside_the_least_mean() -> None:
    spread = estimate([0.6, 0.9])
    assert spread is not None
    cells = [
        replace(each, figures={**each.figures, "accuracy_worst": spread})
        if each.labels == ("half", "ring")
        else each
        for each in paper_stress().cells
    ]
    said = " ".join(verdicts(paper_stress(cells=cells)))
    assert "Worst: ring, 75.0 % on average over seeds (60.0 % in the worst run)." in said


def test_bands_of_few_seeds_are_what_was_seen_and_none_leaves_the_scale() -> None:
    def bands(*scores: float) -> dict[str, Any]:
        return dict(
            _bands([{"round": [0.0], "mean": [score], "worst": [score]} for score in scores], "accuracy")
        )

    assert bands(0.7, 1.0)["mean_low"] == [0.7]
    assert bands(0.7, 1.0, 1.0, 1.0, 1.0)["mean_high"] == [1.0]


def test_a_heat_map_has_its_scale_and_says_over_what_its_means_are() -> None:
    said = [text.get_text() for text in heat_map(paper_stress(), "graph", "loss").texts]
    assert {"83.0 %", "96.0 %"} <= set(said)
    assert "Graph in the rows, loss in the columns; means over 2 seeds" in said
    assert "The worst node is worst with ring and half: 83.0 % on average" in said


def test_the_page_says_what_stands_in_brackets(tmp_path: Path) -> None:
    page = write_stress(paper_stress(), tmp_path).read_text("utf-8")
    assert "in brackets the lowest and the highest of them" in page
    assert "Accuracy, worst node, mean over seeds, lowest of all cells" in page


def test_a_curve_says_what_its_band_is() -> None:
    for seeds, words in ((2, "lowest to highest"), (5, "95 % interval (t)")):
        _, figure, _ = next(fans(paper_stress(seeds=tuple(range(seeds)))))
        said = [text.get_text() for text in figure.texts]
        assert f"Accuracy of the mean node by round; mean of {seeds} seeds, band: {words}" in said


def test_a_missed_requirement_is_told_with_its_worst_cell() -> None:
    missed = Verdict("accuracy_mean >= 0.9", None, "accuracy_mean", 3, (("half", "ring"),), "…")
    stress = paper_stress(verdicts=[missed])
    assert not stress.met
    assert complaint(stress).startswith(
        "1 of 4 cells miss accuracy_mean >= 0.9. The worst is loss half, graph ring:"
    )


def test_choices_stand_in_rows_and_faults_in_columns() -> None:
    stress = paper_stress()
    assert pairs(stress) == [("graph", "loss")]
    grid, applies = grid_of(stress, "graph", "loss", "accuracy_mean")
    np.testing.assert_allclose(grid, [[0.95, 0.85], [0.96, 0.955]])
    assert applies.all()


def test_a_field_over_further_axes_is_the_worst_of_them() -> None:
    stress = paper_stress()
    axes = {"loss": ("none", "half"), "graph": ("ring", "full"), "rule": ("a", "b")}
    cells = [
        replace(paper_cell(labels, score - 0.1 * (rule == "b"), 0.0), labels=(*labels, rule))
        for labels, score in SCORES.items()
        for rule in ("a", "b")
    ]
    grid, _ = grid_of(replace(stress, axes=axes, cells=cells), "graph", "loss", "accuracy_mean")
    np.testing.assert_allclose(grid, [[0.85, 0.75], [0.86, 0.855]])


def test_the_page_stands_alone_and_holds_no_markup_of_strangers(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    refused = CellResult(("half", hostile), "not applicable", f"Because {hostile}.")
    axes = {"loss": ("none", "half"), "graph": ("ring", "full", hostile)}
    cells = [*paper_stress().cells, paper_cell(("none", hostile), 0.9, 0.0), refused]
    page = write_stress(paper_stress(name=hostile, axes=axes, cells=cells), tmp_path).read_text("utf-8")
    assert "<script" not in page
    assert 'src="http' not in page
    assert "Because &lt;script&gt;" in page
    assert "gossipfl simulate x --seed 0" in page


def test_every_figure_is_in_the_json(tmp_path: Path) -> None:
    stress = paper_stress()
    write_stress(stress, tmp_path)
    found = json.loads((tmp_path / "stress.json").read_text("utf-8"))
    assert found == json.loads(to_json(stress.as_json()))
    assert found["cells"][2]["labels"] == {"loss": "half", "graph": "ring"}
    assert found["cells"][2]["figures"]["drop"]["mean"] == pytest.approx(0.1)


def test_a_campaign_whose_models_diverged_says_where_most_did() -> None:
    half, whole = estimate([0.0, 0.5]), estimate([1.0, 1.0])
    assert half is not None
    assert whole is not None
    first, second, *others = paper_stress().cells
    cells = [
        replace(first, figures={**first.figures, "diverged_share": half}),
        replace(second, figures={**second.figures, "diverged_share": whole}),
        *others,
    ]
    said = " ".join(verdicts(paper_stress(cells=cells)))
    where = ", ".join(f"{axis} {label}" for axis, label in zip(("loss", "graph"), second.labels, strict=True))
    assert f"In 2 of 4 cells models of honest peers diverged, most with {where}: 100.0 %." in said
    assert "diverged" not in " ".join(verdicts(paper_stress()))
