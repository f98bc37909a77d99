"""What a campaign shows, in sentences: the verdict first."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gossipfl.report.stress.measures import measure_of
from gossipfl.report.stress.result import CellResult, Stress
from gossipfl.report.stress.tables import called, with_interval, worst_first
from gossipfl.report.words import duration, listing

_SMALL = {"accuracy": 0.002}
"""A drop that nobody would notice, by metric."""

_ALIKE = {"accuracy": 0.005}
"""Choices whose worst nodes are closer than this are as good as one another."""


def lead(stress: Stress) -> str:
    """What was run."""
    cells = len(stress.cells)
    grid = " × ".join(f"{len(labels)} {axis}" for axis, labels in stress.axes.items())
    runs = sum(len(cell.seeds) for cell in stress.cells)
    told = [
        *stress.about,
        f"{grid} = {cells} cells" if len(stress.axes) > 1 else f"{grid}",
        _seeds(stress),
        f"{runs} runs",
        duration(stress.wall_s),
    ]
    return " · ".join(told)


def headline(stress: Stress) -> str:
    """Whether all is well, in one sentence."""
    if stress.failed:
        return f"{len(stress.failed)} of {len(stress.cells)} cells did not run to their end."
    missed = {labels for verdict in stress.verdicts for labels in verdict.missed}
    ran = len(stress.done)
    if missed:
        broken = [verdict for verdict in stress.verdicts if verdict.missed]
        return f"{len(missed)} of {ran} cells miss {listing([verdict.text for verdict in broken])}."
    if stress.verdicts:
        return f"All {ran} cells hold what was required."
    return f"{ran} cells ran; nothing was required of them."


def verdicts(stress: Stress) -> list[str]:
    """The verdict, then what hurts most, what helps, and what is not known."""
    return [
        headline(stress),
        *_worst_requirement(stress),
        *_most_harm(stress),
        *_choices(stress),
        *diverged_cells(stress),
        *_survivors(stress),
        *_left_out(stress),
    ]


def complaint(stress: Stress) -> str:
    """The one sentence with which a campaign fails; it names the worst."""
    if stress.failed:
        worst = stress.failed[0]
        return f"{headline(stress)[:-1]}; the first is {called(stress, worst.labels)}: {worst.reason}"
    return " ".join([headline(stress), *_worst_requirement(stress)])


def _worst_requirement(stress: Stress) -> Iterator[str]:
    broken = [verdict for verdict in stress.verdicts if verdict.missed]
    if not broken:
        return
    cells = {cell.labels: cell for cell in stress.cells}
    worst = next(cell for cell in worst_first(stress) if any(cell.labels in v.missed for v in broken))
    verdict = next(v for v in broken if worst.labels in v.missed)
    found = cells[worst.labels].figures.get(verdict.measure)
    label = _lower(measure_of(verdict.measure, stress.metric).label)
    told = f"{label} {with_interval(found, verdict.measure, stress.metric)}" if found else "it did not finish"
    yield f"The worst is {called(stress, worst.labels)}: {told}."


def _most_harm(stress: Stress) -> Iterator[str]:
    """Which cell loses most against the same without faults."""
    known = [cell for cell in stress.done if math.isfinite(cell.mean("drop"))]
    if not stress.faults or not known:
        return
    worst = max(known, key=lambda cell: cell.mean("drop"))
    if worst.mean("drop") <= _SMALL.get(stress.metric, 0.0):
        yield "No fault costs the mean node anything that can be told from chance."
        return
    label = measure_of(f"{stress.metric}_mean", stress.metric).words
    before = worst.mean(f"{stress.metric}_mean") + worst.mean("drop")
    drop = worst.figures["drop"]
    chance = ", which may be chance" if drop.low is not None and drop.low <= 0 else ""
    yield (
        f"Most is lost with {called(stress, worst.labels)}: the mean node falls from {label(before)} to "
        f"{label(worst.mean(f'{stress.metric}_mean'))}, a drop of "
        f"{with_interval(drop, 'drop', stress.metric)}{chance}."
    )


def _choices(stress: Stress) -> Iterator[str]:
    """Of each axis that is a choice and no fault: which label holds up best in its worst cell."""
    name = f"{stress.metric}_worst"
    words = measure_of(name, stress.metric).words
    for place, axis in enumerate(stress.axes):
        if axis in stress.faults or axis == "engine" or len(stress.axes[axis]) < 2 or not stress.faults:
            continue
        lowest = {
            label: min(
                (
                    _known(cell, name)
                    for cell in stress.cells
                    if cell.labels[place] == label and cell.state != "not applicable"
                ),
                default=math.nan,
            )
            for label in stress.axes[axis]
        }
        known = {label: value for label, value in lowest.items() if math.isfinite(value)}
        if len(known) < 2:
            continue
        best, least = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
        if known[best] - known[least] < _ALIKE.get(stress.metric, 0.0) or best == least:
            yield (
                f"It hardly matters which {axis} is taken: with any, the worst node never has less than "
                f"{words(known[least])}{_on_average(stress, place, least)}."
            )
        else:
            yield (
                f"Best {axis}: {best}, whose worst node never has less than {words(known[best])}"
                f"{_on_average(stress, place, best)}. "
                f"Worst: {least}, {words(known[least])}{_on_average(stress, place, least)}."
            )


def _on_average(stress: Stress, place: int, label: str) -> str:
    """Behind the least mean of the cells that have `label`, the least of their single runs."""
    if len(stress.seeds) == 1:
        return ""
    name = f"{stress.metric}_worst"
    least = min(
        cell.figures[name].least
        for cell in stress.done
        if cell.labels[place] == label and name in cell.figures
    )
    return f" on average over seeds ({measure_of(name, stress.metric).words(least)} in the worst run)"


def diverged_cells(stress: Stress) -> Iterator[str]:
    """That models diverged somewhere, and where most did."""
    name = "diverged_share"
    found = [cell for cell in stress.done if cell.mean(name) > 0]
    if found:
        worst = max(found, key=lambda cell: cell.mean(name))
        share = measure_of(name, stress.metric).words(worst.mean(name))
        where = called(stress, worst.labels)
        cells = f"In {len(found)} of {len(stress.done)} cells"
        yield f"{cells} models of honest peers diverged, most with {where}: {share}."


def _survivors(stress: Stress) -> Iterator[str]:
    found = [cell for cell in stress.done if "survivors_finished" in cell.figures]
    short = [cell for cell in found if cell.figures["survivors_finished"].least < 1]
    if short:
        worst = min(short, key=lambda cell: cell.figures["survivors_finished"].least)
        where = called(stress, worst.labels)
        yield f"In {len(short)} cells some peers that lived did not finish, most with {where}."
    elif found and stress.faults:
        yield "Every peer that was not killed for good finished every round, in all runs."


def _left_out(stress: Stress) -> Iterator[str]:
    absent = [cell for cell in stress.cells if cell.state == "not applicable"]
    if absent:
        yield f"{len(absent)} of {len(stress.cells)} cells do not apply; the reasons stand below."


def _known(cell: CellResult, name: str) -> float:
    value = cell.mean(name)
    return value if math.isfinite(value) else -math.inf


def _seeds(stress: Stress) -> str:
    first, last = stress.seeds[0], stress.seeds[-1]
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:] if not label.startswith("R²") else label
