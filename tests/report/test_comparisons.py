"""Runs beside one another: no title claims what a baseline cannot lose, and what differs is told."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from paper_runs import paper_run
from PIL import Image

from gossipfl.report import Run, write_comparison
from gossipfl.report.compare import choice_rows, compared_rows, differences
from gossipfl.report.curves import curves_of
from gossipfl.report.overlay import overlays
from gossipfl.report.words import score


def _baseline(kind: str, *, sends: bool, shares: float | None = None, **changes: Any) -> Run:
    """A run without a graph; `shares` is the consensus distance of all rounds."""
    run = paper_run(killed=(), **changes)
    run.summary["engine"] = f"baseline-{kind}"
    run.graph["edges"] = []
    run.settings["topology"] = {"peers": 8}
    for record in (run.summary, *run.records):
        if "bytes_sent" in record and not sends:
            record["bytes_sent"] = record["messages_sent"] = record["messages_lost"] = 0
        if "consensus_distance" in record and shares is not None:
            record["consensus_distance"] = shares
    return run


def _told(**runs: Run) -> list[str]:
    return [told for _, told in overlays(list(runs), [curves_of(run) for run in runs.values()])]


def _axes(**runs: Run) -> list[Axes]:
    drawn = overlays(list(runs), [curves_of(run) for run in runs.values()])
    return [figure.axes[0] for figure, _ in drawn]


def _four() -> dict[str, Run]:
    return {
        "gossip": paper_run(killed=()),
        "local": _baseline("local", sends=False, end=0.8),
        "fedavg": _baseline("fedavg", sends=True, shares=0.0, end=0.98),
        "pooled": _baseline("pooled", sends=False, shares=3e-30, end=0.97),
    }


def test_one_model_is_closest_even_where_rounding_sets_it_apart_from_itself() -> None:
    assert _told(**_four())[2].startswith("fedavg and pooled end as one model; next ")


def test_among_runs_of_one_model_none_is_closer() -> None:
    shared = {name: run for name, run in _four().items() if name in ("fedavg", "pooled")}
    assert _told(**shared)[2] == "In every run the peers end as one model"


def test_a_run_that_sends_nothing_wins_no_contest_over_bytes() -> None:
    _, by_bytes, _, sent = _told(**_four())
    assert by_bytes.startswith(("gossip needs", "fedavg needs", "Each run needs"))
    assert sent == "local and pooled send nothing, gossip and fedavg 1.31 MB each"


def test_one_sender_has_nobody_to_be_thriftier_than() -> None:
    four = _four()
    run = four["gossip"]
    said = score(run.summary["accuracy_mean"], "accuracy")
    assert _told(gossip=run, local=four["local"])[1] == f"gossip reaches {said} with 1.31 MB"


def test_where_none_sends_that_is_said() -> None:
    four = _four()
    _, by_bytes, _, sent = _told(local=four["local"], pooled=four["pooled"])
    assert by_bytes == sent == "No run sends anything"


def test_the_fewest_bytes_are_those_of_the_first_to_reach_what_all_reach() -> None:
    whole, tenth = paper_run(killed=()), paper_run(killed=())
    for record in (tenth.summary, *tenth.records):
        if "bytes_sent" in record:
            record["bytes_sent"] //= 10
    assert _told(whole=whole, tenth=tenth)[1].startswith("tenth needs the fewest bytes")
    assert _told(whole=whole, again=whole)[1].startswith("Each run needs")


def test_every_sender_has_a_curve_over_bytes_and_every_silent_run_a_dotted_line() -> None:
    axes = _axes(**_four())[1]
    assert axes.get_xscale() == "log"
    across = [np.asarray(line.get_xdata()) for line in axes.lines]
    assert [x[0] for x in across if x.size > 3] == [43680, 43680]
    labels = [text.get_text() for text in axes.texts]
    assert sum(label.endswith(", 0 B") for label in labels) == 2
    assert len(labels) == 4


def test_those_at_no_distance_are_labelled_at_the_foot_of_the_axis() -> None:
    labels = [text.get_text() for text in _axes(**_four())[2].texts]
    assert {"fedavg  0", "pooled  0"} <= set(labels)


def test_the_scale_of_scores_fits_what_runs_reach_and_not_where_they_start() -> None:
    slow, fast = paper_run(killed=(), end=0.9), paper_run(killed=(), end=0.97)
    for run in (slow, fast):
        for record in run.records:
            if record.get("round") == 0 and "accuracy_mean" in record:
                record["accuracy_mean"] = -3.0
    low, high = _axes(slow=slow, fast=fast)[0].get_ylim()
    assert 0.1 < low < 0.97 < high < 1.05
    assert _axes(slow=slow, fast=fast)[1].get_ylim() == (low, high)


def test_the_table_names_the_choices_that_differ_and_no_others() -> None:
    ring, base = paper_run(rounds=2), paper_run(rounds=2)
    ring.settings["topology"] = {"kind": "ring"}
    ring.graph["name"], base.graph["name"] = "Petersen", "base"
    base.settings["topology"] = {"kind": "base", "degree": 2}
    for run in (ring, base):
        run.settings["learning"] |= {"algorithm": "choco", "compressor": "top-k"}
    base.settings["gossip"] = {"exchange": "push-pull"}
    base.settings["learning"]["compression"] = {"fraction": 0.01}
    assert choice_rows([ring, base]) == [
        ("Topology", "Petersen", "base (degree 2)"),
        ("Compressor", "top-k", "top-k (fraction 0.01)"),
        ("Exchange", "in rounds", "push-pull"),
    ]
    assert choice_rows([ring, ring]) == []
    assert compared_rows([ring, base])[0][0] == "Topology"


def test_what_a_baseline_does_not_hear_is_no_difference() -> None:
    run, alone = paper_run(rounds=2), _baseline("local", sends=False, rounds=2)
    run.settings["topology"] = {"kind": "ring", "peers": 8}
    run.settings["learning"]["algorithm"] = "dpsgd"
    assert choice_rows([run, alone]) == []
    assert differences([run, alone]) == []


def test_participation_is_told_once_a_server_asks_fewer_than_all() -> None:
    run, server = paper_run(rounds=2), _baseline("fedavg", sends=True, rounds=2)
    for asked, rows in ((1.0, []), (0.5, [("Participation", "100 %", "50 %")])):
        server.summary["participation"] = asked
        assert choice_rows([run, server]) == rows


def test_the_picture_holds_the_four_plots_of_the_page(tmp_path: Path) -> None:
    for name, run in _four().items():
        run.save(tmp_path / name)
    page = write_comparison([tmp_path / name for name in _four()], tmp_path / "out")
    with Image.open(page.with_name("comparison.png")) as picture:
        assert picture.size == (2160, 1320)


@pytest.mark.parametrize("runs", [2, 32])
def test_as_many_labels_as_there_are_runs_stay_on_the_plot(runs: int) -> None:
    named = {f"run-{i}": paper_run(rounds=3, seed=i) for i in range(runs)}
    for figure, _ in overlays(list(named), [curves_of(run) for run in named.values()]):
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert len(boxes) == runs
        assert boxes[0].y0 >= 0
        assert all(lower.y1 <= upper.y0 + 1 for lower, upper in itertools.pairwise(boxes))


def test_a_title_stays_within_its_plot_however_long_the_names() -> None:
    named = {f"{'w' * 20}{i}": paper_run(rounds=3, killed=(), seed=i) for i in range(6)}
    named |= {f"{'m' * 20}{i}": _baseline("local", sends=False, shares=0.0, rounds=3) for i in range(6)}
    for figure, _ in overlays(list(named), [curves_of(run) for run in named.values()]):
        figure.draw_without_rendering()
        assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.texts)
