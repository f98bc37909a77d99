"""Every run can be drawn and put on a page, however little there is and whatever its peers are called."""

from __future__ import annotations

import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from paper_runs import paper_run

from gossipfl.errors import UserError
from gossipfl.report import Run, write_comparison, write_report
from gossipfl.report.compare import compared_rows, differences, titles
from gossipfl.report.findings import PLOTS, findings
from gossipfl.report.plots import overview, write_plots

_INJECTION = "<script>alert('x')</script>\"><img src=x onerror=y> $\\frac{"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def _tags(page: Path) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.seen


def _bare(**changes: Any) -> Run:
    return Run(**{"settings": {}, "records": [], "summary": {}, "graph": {}, **changes})


def test_a_report_is_one_file_with_every_plot_in_it(tmp_path: Path) -> None:
    paper_run().save(tmp_path)
    page = write_report(tmp_path)
    assert page == tmp_path / "report.html"
    pictures = [attrs for tag, attrs in _tags(page) if tag == "img"]
    assert len(pictures) == len(PLOTS)
    assert all(attrs["alt"] and str(attrs["src"]).startswith("data:image/png;base64,") for attrs in pictures)
    for name in (*PLOTS, "overview"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_asks_nothing_of_the_network(tmp_path: Path) -> None:
    paper_run(rounds=3).save(tmp_path)
    text = re.sub(r"base64,[^\"]*", "", write_report(tmp_path).read_text(encoding="utf-8"))
    assert not re.search(r"https?:|//|@import|url\(|<script|<link", text)


def test_names_and_settings_from_strangers_stay_text(tmp_path: Path) -> None:
    run = paper_run(rounds=3)
    run.graph["names"] = [_INJECTION] * 8
    run.settings = {"run": {"name": _INJECTION}, _INJECTION: {"key": _INJECTION}}
    run.summary |= {
        "command": _INJECTION,
        "refused": {_INJECTION: 2},
        "engine": _INJECTION,
        "seed": _INJECTION,
    }
    run.save(tmp_path / "a")
    paper_run(rounds=3).save(tmp_path / "b")
    pages = [write_report(tmp_path / "a"), write_comparison([tmp_path / "a", tmp_path / "b"], tmp_path / "c")]
    for page in pages:
        tags = _tags(page)
        assert "script" not in {tag for tag, _ in tags}
        assert not any("onerror" in attrs for _, attrs in tags)
        assert "&lt;script&gt;" in page.read_text(encoding="utf-8")


def test_a_page_tells_how_to_run_it_again_and_what_was_torn(tmp_path: Path) -> None:
    paper_run(rounds=2).save(tmp_path)
    with (tmp_path / "records.jsonl").open("a", encoding="utf-8") as records:
        records.write('{"kind"')
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "gossipfl simulate ring-8 --kill 2@15" in text
    assert "is torn" in text


@pytest.mark.parametrize(
    ("run", "finding"),
    [
        (paper_run(metric="r2", end=0.48, killed=()), r"Mean node reaches R² 0\.479"),
        (paper_run(rounds=0, killed=()), r"Mean node reaches 10\.\d %"),
        (paper_run(diverges_at=12, killed=()), "The models diverged after round 11"),
        (paper_run(diverges_at=0, killed=()), "No peer scored a finite number"),
        (paper_run(60, 5, degree=4), "Mean node reaches"),
        (_bare(), "No peer scored a finite number"),
        (_bare(graph={"names": ["only"], "edges": []}), "No peer scored a finite number"),
        (_bare(graph={"names": ["a", "b"], "edges": [[0, 1], [0, 0], [1, 7], "x", None]}), "No peer"),
        (_bare(graph={"names": 3, "edges": 4}, summary={"killed": [99, "x"], "refused": 3}), "No peer"),
        (_bare(records=[{"kind": "evaluation", "peer": 0, "round": 0, "accuracy": 1.0}]), "100"),
    ],
)
def test_every_run_is_drawn_and_titled_by_its_finding(tmp_path: Path, run: Run, finding: str) -> None:
    assert re.search(finding, findings(run)["accuracy"])
    run.save(tmp_path)
    assert write_report(tmp_path).is_file()


def test_models_that_end_far_closer_are_told_without_an_exponent() -> None:
    run = paper_run(rounds=2)
    for record, distance in zip(
        (r for r in run.records if r["kind"] == "network"), (5, 3, 0.02), strict=True
    ):
        record["consensus_distance"] = distance
    assert findings(run)["consensus"] == "Consensus distance ends 250 times below its peak"


def test_no_line_of_the_inset_runs_through_its_caption() -> None:
    figure = overview(paper_run())
    figure.draw_without_rendering()
    (inset,) = [child for axes in figure.findobj(Axes) for child in axes.child_axes]
    (caption,) = [text for text in inset.texts if "magnified" in text.get_text()]
    assert not caption.get_window_extent().overlaps(inset.get_window_extent())


def test_without_a_directory_a_plot_is_a_figure() -> None:
    assert isinstance(paper_run(rounds=2).plot(), Figure)


def test_plots_go_where_they_are_asked_to(tmp_path: Path) -> None:
    paths = paper_run(rounds=2).plot(tmp_path / "plots")
    assert isinstance(paths, list)
    assert [path.name for path in paths] == [*(f"{name}.png" for name in PLOTS), "overview.png"]


def test_threads_draw_the_same_plots_at_once(tmp_path: Path) -> None:
    run = paper_run(rounds=4)
    threads = [threading.Thread(target=write_plots, args=(run, tmp_path / str(i))) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drawn = {(tmp_path / str(i) / "overview.png").read_bytes() for i in range(3)}
    assert len(drawn) == 1


def test_plots_leave_no_global_figures() -> None:
    import sys

    overview(paper_run(rounds=2))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_only_the_settings_that_differ_are_compared() -> None:
    first, second = paper_run(rounds=3), paper_run(rounds=3)
    second.settings["data"]["split"] = "dirichlet"
    second.settings["data"]["alpha"] = 0.5
    assert differences([first, second]) == [("data.split", "iid", "dirichlet"), ("data.alpha", "–", "0.5")]
    assert differences([first, first]) == []


def test_compared_figures_stand_side_by_side() -> None:
    rows = compared_rows([paper_run(rounds=3), paper_run(rounds=3, metric="r2", killed=())])
    assert ("Finished peers", "6 of 8", "8 of 8") in rows
    assert next(row for row in rows if row[0] == "R², mean node")[1] == "–"


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a/x", "b/x"):
        paper_run(rounds=1).save(tmp_path / folder)
    runs = [Run.load(tmp_path / folder) for folder in ("a/x", "b/x")]
    assert titles(runs) == ["1 x", "2 x"]


def test_a_comparison_is_one_file_with_four_plots(tmp_path: Path) -> None:
    for i, killed in enumerate([(), (2,)]):
        paper_run(rounds=3 * i, killed=killed, seed=i).save(tmp_path / str(i))
    page = write_comparison([tmp_path / "0", tmp_path / "1"], tmp_path / "new" / "out")
    assert page == tmp_path / "new" / "out" / "comparison.html"
    assert sum(tag == "img" for tag, _ in _tags(page)) == 4


def test_runs_that_recorded_nothing_are_compared(tmp_path: Path) -> None:
    for name in "ab":
        _bare().save(tmp_path / name)
    assert write_comparison([tmp_path / "a", tmp_path / "b"], tmp_path / "c").is_file()


def test_a_comparison_of_one_run_is_refused(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path)
    with pytest.raises(UserError, match="takes 2 to 32 run directories, not 1"):
        write_comparison([tmp_path], tmp_path / "c")


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path / "run")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written to"):
        write_report(tmp_path / "run", tmp_path / "file")
