"""The report of a baseline has no plot that it cannot fill; that of a schedule says that its links change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from paper_runs import paper_run

from gossipfl.report import Run, write_report
from gossipfl.report.choices import schedule_of
from gossipfl.report.curves import curves_of
from gossipfl.report.findings import findings
from gossipfl.report.plots import overview
from gossipfl.report.table import summary_rows


def _baseline(kind: str) -> Run:
    run = paper_run(rounds=4, killed=())
    run.summary["engine"] = f"baseline-{kind}"
    run.graph["edges"] = []
    if kind != "local":
        for record in (run.summary, *run.records):
            if "consensus_distance" in record:
                record["consensus_distance"] = 2e-29
    return run


def _scheduled(kind: str, peers: int = 8) -> Run:
    run = paper_run(peers, rounds=2, killed=())
    run.settings["topology"] = {"kind": kind, "peers": peers}
    run.graph["name"] = kind
    graph = schedule_of(run)
    assert graph is not None
    run.graph["edges"] = graph.union().edges.tolist()
    return run


def _words(run: Run) -> str:
    figure = overview(run)
    return "\n".join(text.get_text() for panel in figure.subfigs for text in panel.texts)


@pytest.mark.parametrize(
    ("kind", "plots", "lead"),
    [
        ("local", ["accuracy", "consensus", "graph"], "a baseline: each peer trains alone"),
        ("fedavg", ["accuracy", "traffic"], "a baseline: a server averages what peers train"),
        ("pooled", ["accuracy"], "a baseline: one model, trained on the rows of all peers"),
    ],
)
def test_a_baseline_has_the_plots_that_it_can_fill(
    tmp_path: Path, kind: str, plots: list[str], lead: str
) -> None:
    run = _baseline(kind)
    assert list(findings(run)) == plots
    run.save(tmp_path)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert text.count("<img") == len(plots)
    assert lead in text


def test_a_shared_model_is_told_once() -> None:
    run = _baseline("pooled")
    assert curves_of(run).shared
    assert findings(run)["accuracy"].startswith("All peers hold one model, which reaches")
    assert dict(summary_rows(run))["Consensus distance"] == "0"
    labels = [text.get_text() for text in overview(run).subfigs[0].axes[0].texts]
    assert [label.split(" ")[:2] for label in labels] == [["every", "node"]]


def test_peers_that_train_alone_are_drawn_without_links() -> None:
    run = _baseline("local")
    assert findings(run)["graph"] == "8 peers, each alone"
    assert not overview(run).findobj(
        lambda found: isinstance(found, LineCollection) and found.get_zorder() == 1
    )


def test_the_server_that_asks_a_part_says_so_on_the_page(tmp_path: Path) -> None:
    run = _baseline("fedavg")
    for asked, said in ((1.0, False), (0.25, True)):
        run.summary["participation"] = asked
        run.save(tmp_path)
        text = write_report(tmp_path).read_text(encoding="utf-8")
        assert ("25 % of the peers asked in each round" in text) == said


def test_the_page_names_graph_algorithm_and_compressor(tmp_path: Path) -> None:
    run = _scheduled("base")
    run.settings["learning"] |= {
        "algorithm": "choco",
        "compressor": "top-k",
        "compression": {"fraction": 0.1},
    }
    run.save(tmp_path)
    (lead,) = re.findall('class="lead">(.*?)<', write_report(tmp_path).read_text(encoding="utf-8"))
    assert lead.startswith("8 peers · base · choco with top-k (fraction 0.1) · 2 rounds · simulated")


@pytest.mark.parametrize(
    ("kind", "finding", "caption"),
    [
        (
            "base",
            "8 peers on 12 links, which take turns over 3 rounds",
            "base takes other links in each round",
        ),
        ("random-regular", "8 peers, new links in each round", "faint: random-regular draws other links"),
        ("directed-exponential", "8 peers on 20 links", "links are one-way"),
    ],
)
def test_a_graph_that_changes_says_so(kind: str, finding: str, caption: str) -> None:
    run = _scheduled(kind)
    assert findings(run)["graph"] == finding
    assert caption in _words(run)


def test_links_that_are_only_possible_are_fainter_the_more_there_are() -> None:
    faint = []
    for peers in (8, 100):
        figure = overview(_scheduled("random-regular", peers))
        (links,) = figure.findobj(lambda found: isinstance(found, LineCollection) and found.get_zorder() == 1)
        faint.append(links.get_alpha() or 1.0)
    assert faint[1] < 0.1 < faint[0] < 0.6


def test_a_graph_of_another_name_is_no_schedule() -> None:
    run = _scheduled("base")
    run.graph["name"] = "mine"
    assert schedule_of(run) is None


def test_scores_that_are_all_the_same_need_no_scale() -> None:
    run = paper_run(rounds=2, killed=())
    run.summary["accuracy_per_peer"] = [0.9] * 8
    assert "All peers end at 90.0 %" in _words(run)
    assert len(overview(run).axes) == 5  # accuracy, consensus, bytes, losses, graph


def test_what_was_sent_after_the_last_round_was_judged_is_counted() -> None:
    run = paper_run(killed=())
    run.summary["bytes_sent"] += 1_000_000
    assert findings(run)["traffic"].startswith("2.31 MB sent")
