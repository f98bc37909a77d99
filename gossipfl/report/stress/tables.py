"""The cells of a campaign as rows of words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gossipfl.report.stress.measures import measure_of, measures
from gossipfl.report.stress.result import CellResult, Estimate, Labels, Stress
from gossipfl.report.words import NOTHING

_SHOWN = ("drop", "time_ratio", "survivors_finished", "attack_success")
"""Measures of the table of all cells, beside those of the score."""


def columns(stress: Stress) -> list[str]:
    """The measures that a table of cells shows: those of which something is known."""
    wanted = (f"{stress.metric}_mean", f"{stress.metric}_worst", *_SHOWN)
    return [name for name in wanted if any(name in cell.figures for cell in stress.done)]


def headings(stress: Stress) -> list[str]:
    """Over `cell_rows`."""
    return [*stress.axes, *(measure_of(name, stress.metric).label for name in columns(stress))]


def cell_rows(stress: Stress, cells: Sequence[CellResult] | None = None) -> list[list[str]]:
    """The labels of each cell and its figures, or why it has none."""
    shown = columns(stress)
    return [
        [*cell.labels, *(_figure(stress, cell, name, name == shown[0]) for name in shown)]
        for cell in (stress.cells if cells is None else cells)
    ]


def with_interval(found: Estimate | None, name: str, metric: str) -> str:
    """`95.1 ± 0.9 %`: the mean over the seeds and half the width of its interval.

    Where that is cut short, or of few seeds, from where to where: `99.1 (97.6 to 100.0) %`.
    """
    if found is None:
        return NOTHING
    measure = measure_of(name, metric)
    words = measure.words
    if found.shown is None or words(found.shown[0]) == words(found.shown[1]):
        return words(found.mean)
    low, high = found.shown
    value, unit = _cut(words(found.mean))
    if found.is_interval and measure.limits[0] < low and high < measure.limits[1]:
        half = words((high - low) / 2)
        return f"{value} ± {_cut(half)[0]}{unit}" if _cut(half)[1] == unit else f"{value}{unit} ± {half}"
    ends = [_cut(words(end)) for end in (low, high)]
    if all(each == unit for _, each in ends):
        return f"{value} ({ends[0][0]} to {ends[1][0]}){unit}"
    return f"{value}{unit} ({''.join(ends[0])} to {''.join(ends[1])})"


def worst_first(stress: Stress) -> list[CellResult]:
    """All that should have run: failed ones, then those that miss most, then by what they lost."""
    misses = {labels: 0 for cell in stress.cells for labels in (cell.labels,)}
    for verdict in stress.verdicts:
        for labels in verdict.missed:
            misses[labels] += 1
    known = [cell for cell in stress.cells if cell.state != "not applicable"]
    return sorted(
        known, key=lambda cell: (cell.state != "failed", -misses[cell.labels], *_badness(stress, cell))
    )


def worst_cases(stress: Stress, most: int) -> list[CellResult]:
    """The first of `worst_first`, without those that have no fault and miss nothing."""
    missed = {labels for verdict in stress.verdicts for labels in verdict.missed}
    calm = set(stress.faults.items())
    hurt = [
        cell
        for cell in worst_first(stress)
        if cell.state == "failed"
        or cell.labels in missed
        or not calm <= set(zip(stress.axes, cell.labels, strict=True))
    ]
    return (hurt or worst_first(stress))[:most]


def all_measures(stress: Stress) -> list[str]:
    """Every measure of which something is known, those with a place of their own first."""
    found = dict.fromkeys(name for cell in stress.done for name in cell.figures)
    first = [name for name in measures(stress.metric) if name in found]
    return [*first, *(name for name in found if name not in first)]


def called(stress: Stress, labels: Labels) -> str:
    """The cell in a sentence: its labels, each with its axis where that is no matter of course."""
    return ", ".join(f"{axis} {label}" for axis, label in zip(stress.axes, labels, strict=True))


def _badness(stress: Stress, cell: CellResult) -> tuple[float, float]:
    """Ascending from the worst: what was lost without the fault and, else, the worst node's score."""
    drop, score = cell.mean("drop"), cell.mean(f"{stress.metric}_worst")
    return (-drop if math.isfinite(drop) else 0.0, score if math.isfinite(score) else -math.inf)


def _figure(stress: Stress, cell: CellResult, name: str, first: bool) -> str:
    if cell.state != "done":
        return cell.state if first else NOTHING
    return with_interval(cell.figures.get(name), name, stress.metric)


def _cut(words: str) -> tuple[str, str]:
    """A number and the unit behind it."""
    number = words.rstrip("×").split(" ", maxsplit=1)[0]
    return number, words[len(number) :]
