"""Reports on disk: a run directory's own, and a comparison's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gossipfl.report.compare import compared_plots, comparison_page, load_runs, sheet
from gossipfl.report.page import run_page
from gossipfl.report.plots import write_plots
from gossipfl.report.run import Run, writing


def write_report(directory: str | Path, out: str | Path | None = None) -> Path:
    """Read a run directory, report on it there or in `out`, and return the path of `report.html`."""
    run = Run.load(directory)
    folder = Path(directory if out is None else out)
    with writing(folder):
        plots = {path.stem: path.read_bytes() for path in write_plots(run, folder)}
        page = folder / "report.html"
        page.write_text(run_page(run, plots), encoding="utf-8")
    return page


def write_comparison(directories: Sequence[str | Path], out: str | Path) -> Path:
    """Compare run directories; the path of the `comparison.html` in `out`, made if need be.

    Beside it, `comparison.png` holds the plots on one sheet.
    """
    folder = Path(out)
    runs = load_runs(directories)
    pictures = compared_plots(runs)
    text = comparison_page(runs, pictures)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comparison.png").write_bytes(sheet([png for png, _ in pictures]))
        page = folder / "comparison.html"
        page.write_text(text, encoding="utf-8")
    return page
