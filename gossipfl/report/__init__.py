"""Reports: a run directory in, tables, plots and HTML out.

run.py       Run: what a run left behind, read and written
peers.py     who took part, who was judged; curves.py, records as arrays over rounds
table.py     key figures and peers as rows; words.py, how numbers read
plots.py     the four plots; graph.py the fourth, or scores.py in its place; style.py their look
findings.py  what they show
choices.py   what a run was told to learn by and to speak over
overlay.py   the plots of several runs; verdicts.py what they show; candidates.py, of topologies compared
page.py      one run as HTML; compare.py several
account.py   what the audit log of a node tells
files.py     write_report, write_comparison
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gossipfl.report.run import Run, to_json, writing

if TYPE_CHECKING:
    from gossipfl.report.files import write_comparison, write_report

__all__ = ["Run", "to_json", "write_comparison", "write_report", "writing"]


def __getattr__(name: str) -> object:
    """Plots and pages are loaded when they are asked for: a node that only writes records needs none."""
    if name in ("write_comparison", "write_report"):
        from gossipfl.report import files

        return getattr(files, name)
    raise AttributeError(f"module 'gossipfl.report' has no attribute {name!r}")
