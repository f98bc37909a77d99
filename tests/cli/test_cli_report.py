"""`gossipfl report` prints a table and a path, or JSON alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gossipfl.cli.report import report
from gossipfl.errors import UserError
from gossipfl.report import Run

_RUNNER = CliRunner()


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(report)
    return app


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    for name, rate in (("slow", 0.01), ("fast", 0.1)):
        records = [
            {"kind": "network", "round": at, "accuracy_mean": rate * 8 * at, "bytes_sent": at * 1000}
            for at in range(3)
        ]
        summary = {"peers": 2, "finished": 2, "accuracy_mean": rate * 16, "bytes_sent": 2000}
        graph = {"names": ["a", "b"], "edges": [[0, 1]]}
        Run({"learning": {"rate": rate, "rounds": 2}}, records, summary, graph).save(tmp_path / name)
    return [str(tmp_path / "slow"), str(tmp_path / "fast")]


def test_one_run_prints_its_table_and_the_path_of_its_report(app: typer.Typer, runs: list[str]) -> None:
    result = _RUNNER.invoke(app, runs[:1], catch_exceptions=False)
    assert result.exit_code == 0
    assert "Accuracy, mean node  16.0 %" in result.stdout
    assert result.stdout.splitlines()[-1] == f"Report: {Path(runs[0]) / 'report.html'}"


def test_json_of_one_run_is_its_summary_and_nothing_else(app: typer.Typer, runs: list[str]) -> None:
    found = json.loads(_RUNNER.invoke(app, [runs[0], "--json"], catch_exceptions=False).stdout)
    assert found["accuracy_mean"] == 0.16
    assert Path(found["report"]).is_file()


def test_several_runs_are_compared_by_figures_and_differing_settings(
    app: typer.Typer, runs: list[str], tmp_path: Path
) -> None:
    result = _RUNNER.invoke(app, [*runs, "--out", str(tmp_path / "both")], catch_exceptions=False)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["learning.rate", "0.01", "0.1"] in lines
    assert not any(line[:1] == ["learning.rounds"] for line in lines)
    assert (tmp_path / "both" / "comparison.html").is_file()


def test_json_of_several_runs_tells_the_differences(
    app: typer.Typer, runs: list[str], tmp_path: Path
) -> None:
    arguments = [*runs, "--out", str(tmp_path / "both"), "--json"]
    found = json.loads(_RUNNER.invoke(app, arguments, catch_exceptions=False).stdout)
    assert found["differences"] == {"learning.rate": {"slow": "0.01", "fast": "0.1"}}
    assert [run["accuracy_mean"] for run in found["runs"]] == [0.16, 1.6]


def test_a_directory_that_is_no_run_is_the_users_error(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run directory"):
        _RUNNER.invoke(app, [str(tmp_path)], catch_exceptions=False)


def test_help_teaches_by_example(app: typer.Typer) -> None:
    assert "gossipfl report runs/ring-8" in _RUNNER.invoke(app, ["--help"]).stdout


def test_a_pattern_may_name_the_pages_beside_the_runs(
    app: typer.Typer, runs: list[str], tmp_path: Path
) -> None:
    (tmp_path / "comparison.html").write_text("a page", encoding="utf-8")
    result = _RUNNER.invoke(app, [*runs, str(tmp_path / "comparison.html"), "--out", str(tmp_path / "c")])
    assert not result.exit_code
    with pytest.raises(UserError, match="nothing"):
        _RUNNER.invoke(app, [runs[0], str(tmp_path / "nothing")], catch_exceptions=False)
