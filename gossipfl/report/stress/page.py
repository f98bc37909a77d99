"""A campaign as one HTML file that needs nothing else: the verdict, the worst cases, pictures, all cells.

Rule: every word that comes from a file passes through `html.escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gossipfl.report.page import cards, document, figures, flat, table
from gossipfl.report.stress.measures import Measure, measure_of
from gossipfl.report.stress.result import SEEDS_FOR_INTERVAL, CellResult, Stress
from gossipfl.report.stress.sentences import lead, verdicts
from gossipfl.report.stress.tables import (
    all_measures,
    cell_rows,
    columns,
    headings,
    worst_cases,
)

WORST_SHOWN = 10
CELLS_SHOWN_MAX = 1_000
Pictures = Sequence[tuple[bytes, str]]


def stress_page(stress: Stress, heat: Pictures, curves: Pictures) -> str:
    """The page; `heat` and `curves` are (PNG, what it shows)."""
    first, *others = verdicts(stress)
    shown = stress.done[:CELLS_SHOWN_MAX]
    state = "good" if stress.met else "bad"
    parts = [
        f'<p class="lead">{escape(lead(stress))}</p>',
        f'<p class="verdict {state}">{escape(first)}</p>',
        "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in others) + "</ul>" if others else "",
        cards(_cards(stress)),
        *(["<h2>What was required</h2>", _requirements(stress)] if stress.verdicts else []),
        "<h2>Worst cases</h2>",
        "<p>The worst first. The command repeats the run of the seed in which the worst node was worst.</p>",
        _cells(stress, worst_cases(stress, WORST_SHOWN), commands=True),
        "<h2>Heat maps</h2>",
        figures(heat),
        "<h2>How they learn</h2>",
        figures(curves),
        f"<h2>All {len(stress.cells)} cells</h2>",
        f"<p>{escape(_about_intervals(stress))}</p>",
        _cells(stress, shown, commands=False),
        _commands(shown),
        *_without_figures(stress),
        "<h2>What the labels stand for</h2>",
        _labels(stress),
        "<h2>What is measured</h2>",
        table((), [(m.label, f"{m.meaning} ({name})") for name, m in _measured(stress)]),
        "<h2>Settings of all cells, but for what labels override</h2>",
        table((), flat(dict(stress.settings))),
        *(["<h2>Run it again</h2>", f"<pre>{escape(stress.command)}</pre>"] if stress.command else []),
    ]
    return document(f"{stress.name}: how it holds up", parts)


def _cards(stress: Stress) -> list[tuple[str, str]]:
    """The extremes over all cells."""
    found = []
    for name, worst in (
        (f"{stress.metric}_worst", "lowest"),
        (f"{stress.metric}_mean", "lowest"),
        ("drop", "largest"),
        ("time_ratio", "largest"),
        ("survivors_finished", "lowest"),
        ("attack_success", "largest"),
    ):
        values = [cell.mean(name) for cell in stress.done if name in cell.figures]
        if values:
            measure = measure_of(name, stress.metric)
            value = min(values) if worst == "lowest" else max(values)
            over = "mean over seeds, " if len(stress.seeds) > 1 else ""
            found.append((f"{measure.label}, {over}{worst} of all cells", measure.words(value)))
    return found


def _requirements(stress: Stress) -> str:
    rows = [
        (each.text, each.scenario or "all cells", "missed" if each.missed else "held", each.sentence)
        for each in stress.verdicts
    ]
    return table(("requirement", "of", "", "in words"), rows)


def _cells(stress: Stress, cells: Sequence[CellResult], *, commands: bool) -> str:
    """Cells under `headings`, each with what repeats it below if `commands` are wanted."""
    numbers = range(len(stress.axes), len(stress.axes) + len(columns(stress)))
    align = dict.fromkeys(numbers, ' class="number"')
    head = "".join(f"<th{align.get(i, '')}>{escape(h)}</th>" for i, h in enumerate(headings(stress)))
    wide = len(stress.axes) + len(numbers)
    body = "".join(
        "<tr>"
        + "".join(f"<td{align.get(i, '')}>{escape(value)}</td>" for i, value in enumerate(row))
        + "</tr>"
        + (f'<tr class="replay"><td colspan="{wide}">{_command(cell)}</td></tr>' if commands else "")
        for cell, row in zip(cells, cell_rows(stress, cells), strict=True)
    )
    whole = f'<table class="grid"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="wide">{whole}</div>'


def _commands(cells: Sequence[CellResult]) -> str:
    """What repeats each cell, folded away."""
    lines = "\n".join(f"# {', '.join(cell.labels)}\n{cell.command}" for cell in cells)
    return f"<details><summary>What repeats each of them</summary><pre>{escape(lines)}</pre></details>"


def _command(cell: CellResult) -> str:
    why = f"{escape(cell.reason)}<br>" if cell.reason else ""
    return f"{why}<code>{escape(cell.command)}</code>"


def _without_figures(stress: Stress) -> list[str]:
    """Cells that failed or do not apply, with the reasons."""
    parts = []
    for state, words in (("failed", "Cells that failed"), ("not applicable", "Cells that do not apply")):
        rows = [(*cell.labels, cell.reason or "") for cell in stress.cells if cell.state == state]
        if rows:
            parts += [f"<h2>{words}</h2>", table((*stress.axes, "why"), rows)]
    return parts


def _labels(stress: Stress) -> str:
    rows = [
        (f"{axis}: {label}", (meaning or "nothing is overridden") + _held(stress, axis, label))
        for axis, labels in stress.overrides.items()
        for label, meaning in labels.items()
    ]
    return table((), rows)


def _held(stress: Stress, axis: str, label: str) -> str:
    return "; the others are held against it" if stress.faults.get(axis) == label else ""


def _measured(stress: Stress) -> list[tuple[str, Measure]]:
    return [(name, measure_of(name, stress.metric)) for name in all_measures(stress)]


def _about_intervals(stress: Stress) -> str:
    count = len(stress.seeds)
    if count == 1:
        return "One seed each: there is no interval."
    spread = (
        "behind ± half the width of the 95 % interval of Student's t with "
        f"{count - 1} degrees of freedom; in brackets that interval where it is cut short, for no share is "
        "below 0 or above 100 %"
        if count >= SEEDS_FOR_INTERVAL
        else f"in brackets the lowest and the highest of them: an interval needs {SEEDS_FOR_INTERVAL} seeds "
        "or more"
    )
    return (
        f"Means over {count} seeds; {spread}. Drops and ratios are taken seed by seed against the run "
        "without the fault."
    )
