"""A crowd's report stays small, soon made and honest about whom it judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.text import Text
from paper_runs import paper_crowd, paper_run

from gossipfl.report import Run, write_comparison, write_report
from gossipfl.report.curves import curves_of
from gossipfl.report.findings import findings
from gossipfl.report.peers import judged_peers, peer_count
from gossipfl.report.plots import overview
from gossipfl.report.run import to_json
from gossipfl.report.table import final_scores, peer_rows, summary_rows
from gossipfl.topology import build_topology

PAGE_BYTES_MAX = 2_000_000


def _texts(run: Run) -> list[str]:
    return [str(text.get_text()) for text in overview(run).findobj(Text)]


def test_the_page_of_a_million_peers_is_small_and_lists_those_judged(tmp_path: Path) -> None:
    run = paper_crowd()
    run.settings["faults"] = {"kill": [f"{peer}@3" for peer in range(300_000)]}
    run.save(tmp_path)
    page = write_report(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < PAGE_BYTES_MAX
    assert "All 100 judged of 1,000,000 peers." in text
    assert "Accuracy, worst of 100 judged" in text
    assert "simulated as a crowd" in text
    assert "missing" not in text  # nobody tells what it heard


def test_figures_of_a_sample_say_of_whom_they_are() -> None:
    run = paper_crowd()
    assert findings(run)["accuracy"].startswith("100 judged peers reach 9")
    rows = dict(summary_rows(run))
    assert rows["Judged"] == "100 of 1,000,000 peers"
    assert rows["Accuracy, mean node"].endswith("(of those judged)")
    assert rows["Consensus distance"].endswith("(of those judged)")
    assert "judged" not in rows["Accuracy, averaged model"]
    texts = _texts(run)
    assert any("range and middle 80 % of 100 judged peers" in text for text in texts)
    assert any(text.startswith("worst judged") for text in texts)


def test_where_all_are_judged_nothing_is_said_of_judging() -> None:
    run = paper_run()
    assert "Judged" not in dict(summary_rows(run))
    assert not any("judged" in text for text in _texts(run))


def test_only_judged_peers_have_rows_scores_and_curves() -> None:
    run = paper_crowd(judged=3)
    run.summary["accuracy_per_peer"][1] = None
    first, second, third = judged_peers(run)
    assert list(final_scores(run)) == [first, third]
    assert [row[0] for row in peer_rows(run)] == [str(peer) for peer in (first, second, third)]
    assert len(peer_rows(run, most=2)) == 2
    assert curves_of(run).single.shape == (3, 31)
    assert peer_count(run) == 1_000_000


def test_a_run_of_a_crowd_survives_its_directory(tmp_path: Path) -> None:
    run = paper_crowd(killed={7: 2})
    again = Run.load(run.save(tmp_path))
    assert to_json(again.graph) == to_json(run.graph)
    assert again.table() == run.table()
    assert (tmp_path / "graph.json").stat().st_size < 1000


@pytest.mark.parametrize("every", [1, 10])
def test_a_crowd_tells_when_peers_were_killed_though_nobody_told_of_its_rounds(every: int) -> None:
    run = paper_crowd(killed={7: 2, 99: 17, 250_000: 30})
    run.records = [record for record in run.records if record.get("round", 0) % every == 0]
    assert curves_of(run).kills == {7: 2, 99: 17, 250_000: 30}


def test_a_judged_peer_that_was_killed_is_shown_as_killed() -> None:
    victim = judged_peers(paper_crowd())[4]
    row = peer_rows(paper_crowd(killed={victim: 12}))[4]
    assert row[:5] == (str(victim), str(victim), "killed", "11", "–")


def test_a_graph_too_large_to_see_gives_its_place_to_the_scores() -> None:
    assert (
        "Too many to draw, each with 10 neighbours; bars: 100 judged peers by accuracy at the end"
        in _texts(paper_crowd())
    )
    run = paper_run(1500, 1, killed=())
    run.graph = build_topology("star", 1500).record()
    assert any(text.startswith("Too many to draw, each with 1 to 1,499 neighbours") for text in _texts(run))


def test_a_small_graph_is_drawn_with_those_not_judged_hollow() -> None:
    run = paper_crowd(50, 10)
    run.graph = build_topology("ring", 50).record()
    assert any("hollow: not judged" in text for text in _texts(run))
    for record in run.records:
        if record["kind"] == "evaluation":
            record["accuracy"] = 0.9
    run.summary["accuracy_per_peer"] = [0.9] * len(run.summary["judged"])
    assert any("All who are judged end at 90.0 %" in text for text in _texts(run))


def test_the_links_of_a_large_schedule_are_told_by_its_name() -> None:
    run = paper_crowd()
    run.settings["topology"]["kind"] = run.graph["name"] = "one-peer-exponential"
    assert findings(run)["graph"] == "1,000,000 peers, linked by one-peer-exponential"
    assert any(text.startswith("Linked by one-peer-exponential; bars: ") for text in _texts(run))


def test_links_that_were_drawn_afresh_need_not_be_recorded() -> None:
    run = paper_crowd(64, 10)
    run.settings["topology"] = {"kind": "random-peers", "peers": 64}
    run.graph = {"name": "random-peers", "names": [str(peer) for peer in range(64)], "edges": []}
    assert findings(run)["graph"] == "64 peers, new links in each round"
    assert any(text.startswith("Linked by random-peers; bars: ") for text in _texts(run))


def test_a_crowd_of_whom_nobody_is_judged_has_its_averaged_model(tmp_path: Path) -> None:
    run = paper_crowd(judged=0)
    assert findings(run)["accuracy"] == "Accuracy of the averaged model reaches 94.9 %"
    assert "consensus" not in findings(run)
    text = write_report(run.save(tmp_path / "a")).read_text(encoding="utf-8")
    assert "<h2>Peers</h2>" not in text
    assert write_comparison([tmp_path / "a", paper_crowd().save(tmp_path / "b")], tmp_path / "c").is_file()


def test_peers_that_end_alike_make_one_bar() -> None:
    run = paper_crowd(judged=5)
    run.summary["accuracy_per_peer"] = [0.5] * 5
    overview(run)
