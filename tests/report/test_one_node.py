"""The report of one node says what that node knows, and nothing of the network it cannot see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from paper_runs import paper_run
from PIL import Image

from gossipfl.learn.robust.catalogue import DEFAULT_RULE
from gossipfl.report import Run, write_comparison, write_report
from gossipfl.report.curves import curves_of
from gossipfl.report.findings import findings
from gossipfl.report.overlay import overlays
from gossipfl.report.page import run_page
from gossipfl.report.plots import overview
from gossipfl.report.table import peer_rows, summary_rows


def _node_run(rounds: int = 6, planned: int = 6, **changes: Any) -> Run:
    """Of three neighbours the first stays, the second leaves, the third never comes."""
    records: list[dict[str, Any]] = [
        {"kind": "link", "peer": 0, "neighbour": 1, "state": "joined", "time_s": 0.0},
        {"kind": "link", "peer": 0, "neighbour": 2, "state": "joined", "time_s": 0.0},
        {"kind": "evaluation", "peer": 0, "round": 0, "accuracy": 0.1},
    ]
    for at in range(1, rounds + 1):
        traffic = {"bytes_sent": 1000 * at, "messages_sent": 2 * at, "messages_lost": at // 3}
        records.append({"kind": "round", "peer": 0, "round": at, "heard": 2, **traffic})
        if at % 2 == 0:
            records.append({"kind": "evaluation", "peer": 0, "round": at, "accuracy": 0.9 + at / 100})
    records.append({"kind": "link", "peer": 0, "neighbour": 2, "state": "left", "time_s": 9.0})
    summary = {
        "engine": "node",
        "name": "sued",
        "peers": 4,
        "finished": int(rounds == planned),
        "rounds": planned,
        "round": rounds,
        "metric": "accuracy",
        "accuracy_mean": 0.96,
        "bytes_sent": 1000 * rounds,
        "messages_sent": 2 * rounds,
        "messages_lost": rounds // 3,
        "refused": {},
        "wall_s": 3.0,
        "seed": 7,
    }
    graph = {"names": ["sued", "nord", "ost", "west"], "edges": [[0, 1], [0, 2], [0, 3]]}
    return Run({}, records, summary | changes, graph)


def test_the_key_figures_are_the_nodes_own() -> None:
    assert summary_rows(_node_run()) == [
        ("Accuracy, own test rows", "96.0 %"),
        ("Rounds done", "6 of 6"),
        ("Finished", "yes"),
        ("Bytes sent", "6 kB"),
        ("Messages sent", "12"),
        ("Messages lost", "2 (16.7 %)"),
        ("Messages stale", "0"),
        ("Messages refused", "none"),
        ("Wall time", "3.0 s"),
        ("Engine", "node"),
        ("Seed", "7"),
    ]


def test_neighbours_are_here_left_or_never_seen() -> None:
    rows = peer_rows(_node_run())
    assert [row[1:3] for row in rows] == [
        ("sued", "finished"),
        ("nord", "here"),
        ("ost", "left"),
        ("west", "never seen"),
    ]
    assert {cell for row in rows[1:] for cell in row[3:]} == {"–"}


def test_a_node_that_was_stopped_is_unfinished_and_did_not_diverge() -> None:
    run = _node_run(rounds=5)
    assert dict(summary_rows(run))["Finished"] == "no"
    assert dict(summary_rows(run))["Rounds done"] == "5 of 6"
    assert peer_rows(run)[0][2] == "unfinished"
    assert findings(run)["accuracy"] == "Accuracy reaches 94.0 % on its own test rows"


def test_the_plots_are_titled_by_what_the_node_saw() -> None:
    assert findings(_node_run()) == {
        "accuracy": "Accuracy reaches 96.0 % on its own test rows",
        "traffic": "6 kB sent in 12 messages, 16.7 % lost",
        "graph": "3 neighbours: 1 here, 1 left, 1 never seen",
    }


def test_a_node_whose_model_diverged_is_told_so() -> None:
    run = _node_run()
    run.records.append({"kind": "evaluation", "peer": 0, "round": 6, "accuracy": None})
    assert findings(run)["accuracy"] == "The model diverged after round 4"


def test_traffic_is_taken_from_the_rounds_of_the_node() -> None:
    curves = curves_of(_node_run())
    assert curves.rounds.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert curves.bytes_sent[1:].tolist() == [1000, 2000, 3000, 4000, 5000, 6000]


def test_the_page_is_named_after_the_node_and_has_no_empty_plot(tmp_path: Path) -> None:
    _node_run().save(tmp_path / "state")
    text = write_report(tmp_path / "state").read_text(encoding="utf-8")
    assert "<h1>sued</h1>" in text
    assert text.count("<img") == 3
    assert not (tmp_path / "state" / "consensus.png").exists()
    for unknown in (
        "onsensus",
        "mean node",
        "worst",
        "averaged",
        "common test part",
        "unfinished",
        "not recorded",
    ):
        assert unknown not in text


def test_the_overview_holds_the_three_plots_in_a_row(tmp_path: Path) -> None:
    _node_run().save(tmp_path)
    write_report(tmp_path)
    sizes = {}
    for name in ("overview", "accuracy", "graph"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            sizes[name] = picture.size
    assert sizes["accuracy"] == sizes["graph"]
    assert sizes["overview"] == (3 * sizes["graph"][0], sizes["graph"][1])


def test_only_the_node_itself_is_filled_and_no_scale_stands_beside_it() -> None:
    figure = overview(_node_run())
    discs = [
        (np.asarray(found.get_facecolor())[0], len(np.asarray(found.get_offsets())))
        for found in figure.findobj(PathCollection)
        if len(np.asarray(found.get_offsets()))
    ]
    assert sum(count for colour, count in discs if tuple(colour) == to_rgba("white")) == 3
    assert sum(count for _, count in discs) == 4 + 2  # two are crossed out
    assert len(figure.findobj(Axes)) == 4  # accuracy, bytes, losses, graph


@pytest.mark.parametrize("alone", [True, False])
def test_a_node_that_recorded_nothing_is_reported(tmp_path: Path, alone: bool) -> None:
    graph = {"names": ["sued"], "edges": []} if alone else {}
    Run({}, [], {"engine": "node"}, graph).save(tmp_path)
    assert write_report(tmp_path).is_file()


def test_a_node_is_compared_with_a_node(tmp_path: Path) -> None:
    for name in ("nord", "sued"):
        _node_run(name=name).save(tmp_path / name)
    page = write_comparison([tmp_path / "nord", tmp_path / "sued"], tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "Accuracy, own test rows" in text
    assert "cannot be held against one another" in text
    for of_a_simulation in ("mean node", "all peers", "highest", "onsensus", "Not recorded"):
        assert of_a_simulation not in text


def test_plots_of_nodes_say_whose_rows_and_whose_bytes_and_none_is_empty_or_a_contest() -> None:
    nodes = [_node_run(), _node_run(rounds=5)]
    drawn = overlays(["nord", "sued"], [curves_of(run) for run in nodes])
    assert [told for _, told in drawn] == [
        "Judged apart, on their own rows: 94.0 % to 96.0 %",
        "Sent: 5 kB to 6 kB",
    ]
    said = [text.get_text() for figure, _ in drawn for text in figure.texts]
    assert "Accuracy of a node on its own test rows, by round" in said
    assert "Bytes sent by the node since its first start" in said


def test_beside_a_simulation_a_node_is_told_apart() -> None:
    drawn = overlays(["nord", "ring"], [curves_of(_node_run()), curves_of(paper_run())])
    said = [text.get_text() for figure, _ in drawn for text in figure.texts]
    assert "Accuracy of a node on its own test rows, by round; else Accuracy of the mean node" in said
    assert not any("highest" in words or "Not recorded" in words for words in said)
    assert len(drawn) == 3


def _lives(*summaries: dict[str, Any]) -> Run:
    """A node that was killed after round 3 and goes on, as its journal writes it down."""
    run = _node_run()
    starts: list[dict[str, Any]] = [{"kind": "started", "peer": 0, "round": at} for at in (0, 3)]
    place = next(i for i, record in enumerate(run.records) if record.get("bytes_sent") == 4000)
    run.records[:] = [starts[0], *run.records[:place], starts[1], *run.records[place:]]
    counts = {"bytes_sent": 7000, "wall_s": 61.0, "refused": {"replay": 2}}
    run.records.append({"kind": "stopped", "peer": 0, "round": 6, **counts})
    run.summary = summaries[0] if summaries else run.summary
    return run


def test_what_a_node_counts_is_of_all_its_lives_and_that_is_said(tmp_path: Path) -> None:
    run = _lives()
    rows = dict(summary_rows(run))
    assert rows["Started"] == "2 times; what is counted is of all its lives"
    assert (rows["Bytes sent"], rows["Wall time"], rows["Messages refused"]) == ("7 kB", "61.0 s", "2 replay")
    assert findings(run)["traffic"] == "6 kB sent in 12 messages, 16.7 % lost, over 2 lives"
    drawn = [text.get_text() for text in overview(run).findobj(Text)]
    assert any("Since the first start" in text and "dotted: started again" in text for text in drawn)


def test_who_was_linked_to_a_node_before_it_died_is_not_here_until_it_comes_again() -> None:
    assert [row[2] for row in peer_rows(_lives())[1:]] == ["left", "left", "never seen"]


def test_neighbours_that_are_not_here_are_crossed_out_and_the_caption_says_why() -> None:
    figure = overview(_node_run())
    said = [text.get_text() for text in figure.findobj(Text)]
    assert "Filled: this node; hollow: its neighbours; crossed out: left or never seen" in said
    axes = figure.axes[-1]
    marks = [len(np.asarray(found.get_offsets())) for found in axes.findobj(PathCollection)]
    assert 2 in marks
    everyone = _node_run()
    for record in everyone.records:
        record["state"] = "joined"
    everyone.graph = {"names": ["sued", "nord", "ost"], "edges": [[0, 1], [0, 2]]}
    everyone.summary["peers"] = 3
    said = [text.get_text() for text in overview(everyone).findobj(Text)]
    assert "Filled: this node; hollow: its neighbours" in said


def test_a_node_that_was_never_stopped_is_told_from_a_simulation() -> None:
    run = _lives({})
    run.settings = {"learning": {"rounds": 30}}
    rows = dict(summary_rows(run))
    assert (run.name, rows["Rounds done"], rows["Finished"]) == ("sued", "6 of 30", "no")
    assert rows["Accuracy, own test rows"] == "96.0 %"
    assert "Finished peers" not in rows


def test_nobody_knows_how_many_finished_where_no_summary_says_it() -> None:
    assert "Finished peers" not in dict(summary_rows(Run({}, [], {}, {})))


def test_the_rule_that_auto_chose_is_told() -> None:
    run = _node_run()
    run.settings = {"robust": {"rule": "auto"}}
    assert dict(summary_rows(run))["Aggregation"] == "mean (auto)"
    run.summary["robust"] = {"rule": "trimmed-mean", "attackers": 2}
    words = "trimmed-mean, which stands 2 hostile neighbours"
    assert dict(summary_rows(run))["Aggregation"] == words
    run.summary["robust"] = {"rule": DEFAULT_RULE, "attackers": 1}
    assert dict(summary_rows(run))["Aggregation"].endswith("stands 1 hostile neighbour (auto)")


def test_figures_of_the_field_are_explained_where_they_are_told() -> None:
    def page(run: Run) -> str:
        return run_page(run, dict.fromkeys(findings(run), b""))

    assert "Spectral gap: how fast the graph mixes" in page(paper_run())
    assert "Consensus distance: the mean squared distance" in page(paper_run())
    assert "the graph mixes" not in page(_node_run())
