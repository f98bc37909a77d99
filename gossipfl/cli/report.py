"""`gossipfl report`: what a run did, or how several runs differ, as a table and an HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gossipfl.cli.console import AsJson, print_json

if TYPE_CHECKING:
    from gossipfl.report import Run

Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Run directories: one to report on, more to compare.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where to write; the run's own directory, or `comparison`, if not given."
    ),
]


def report(runs: Runs, out: Out = None, as_json: AsJson = False) -> None:
    """Report on one run, or compare several: a table here, plots and an HTML file on disk.

    Examples:

      gossipfl report runs/ring-8

      gossipfl report runs/ring-8 runs/complete-8 --out comparison

      gossipfl report runs/ring-8 --json | jq .accuracy_worst
    """
    folders = [run for run in runs if not run.is_file()] or runs  # a pattern such as runs/* names pages too
    if len(folders) == 1:
        _one(folders[0], out, as_json)
    else:
        _several(folders, out or Path("comparison"), as_json)


def _one(directory: Path, out: Path | None, as_json: bool) -> None:
    from gossipfl.report import Run, write_report

    page = write_report(directory, out)
    run = Run.load(directory)
    if as_json:
        print_json({**run.summary, "notes": run.notes, "report": page})
        return
    _print_text(run.table(), [run], page)


def _several(directories: list[Path], out: Path, as_json: bool) -> None:
    from gossipfl.report import compare, write_comparison

    page = write_comparison(directories, out)
    runs = compare.load_runs(directories)
    names = compare.titles(runs)
    differ = compare.differences(runs)
    if as_json:
        summaries = [{**run.summary, "run": path} for run, path in zip(runs, directories, strict=True)]
        differing = {key: dict(zip(names, values, strict=True)) for key, *values in differ}
        print_json({"runs": summaries, "differences": differing, "report": page})
        return
    text = compare.columns_as_text(("", *names), compare.compared_rows(runs))
    if differ:
        text += "\n\n" + compare.columns_as_text(("Settings that differ", *names), differ)
    _print_text("\n\n".join([text, *compare.cautions(runs)]), runs, page)


def _print_text(text: str, runs: list[Run], page: Path) -> None:
    typer.echo(text)
    for run in runs:
        for note in run.notes:
            typer.echo(f"Note on {run.directory}: {note}")
    typer.echo(f"\nReport: {page}")
