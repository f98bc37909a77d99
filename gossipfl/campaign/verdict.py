"""The runs of a campaign as figures of cells, held against those without faults and what is required."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from gossipfl.campaign.ledger import Line
from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.requirements import Requirement
from gossipfl.experiment.stress import Campaign, Cell
from gossipfl.report.stress.measures import measure_of, measures
from gossipfl.report.stress.result import CellResult, Labels, Verdict, estimate

Figures = dict[str, float | None]
COMPARED = ("drop", "drop_worst", "time_ratio", "bytes_ratio")
"""Measures against the run without faults."""
_RATIOS = {"time_ratio": "finish_s", "bytes_ratio": "bytes_sent"}
_WHERE_GIVEN = ("attack_success",)
"""Measures that a cell may lack without fault."""


def check_requirements(campaign: Campaign, metric: str) -> None:
    """Raise `SettingsError` for a requirement whose measure there will not be."""
    known = [name for name in measures(metric) if campaign.references or name not in COMPARED]
    for requirement in campaign.requirements:
        if requirement.measure in known or requirement.measure.startswith("refused_"):
            continue
        if requirement.measure in COMPARED:
            raise SettingsError(
                f'"{requirement.text}" needs something to hold cells against: say '
                'baseline = { AXIS = "LABEL" } in [stress], the label without faults.'
            )
        raise SettingsError(
            f'"{requirement.text}" asks for "{requirement.measure}": {instead(requirement.measure, known)}'
        )


def cell_results(
    campaign: Campaign, lines: Mapping[tuple[Labels, int], Line], metric: str
) -> list[CellResult]:
    """Every cell, in the order of the campaign; `lines` are what came of (labels, seed)."""
    figures = {place: line["figures"] for place, line in lines.items() if "figures" in line}
    return [_result(campaign, cell, lines, figures, metric) for cell in campaign.cells]


def command_of(campaign: Campaign, cell: Cell, seed: int) -> str:
    """What repeats one run."""
    words = ["gossipfl", "simulate", campaign.file]
    for text in (*campaign.sets, *cell.sets):
        words += ["--set", text]
    return shlex.join([*words, "--seed", str(seed)])


def verdict_of(
    requirement: Requirement, campaign: Campaign, cells: Sequence[CellResult], metric: str
) -> Verdict:
    """Which of `cells` miss a requirement; one that failed misses it, one that does not apply does not."""
    asked = [
        cell for cell in cells if cell.state != "not applicable" and _is_for(requirement, campaign, cell)
    ]
    asked = [cell for cell in asked if cell.state == "failed" or _is_judged(requirement.measure, cell)]
    values = {cell.labels: _value(requirement, cell) for cell in asked}
    missed = sorted(
        (labels for labels, value in values.items() if not requirement.holds(value)),
        key=lambda labels: -requirement.shortfall(values[labels]),
    )
    words = measure_of(requirement.measure, metric).words
    sentence = f"All {len(asked)} cells hold it."
    if not asked:
        sentence = "There is no cell that it is for."
    elif missed:
        worst, value = missed[0], values[missed[0]]
        told = f"is {words(value)}" if math.isfinite(value) else "is not known, for it did not run to its end"
        sentence = (
            f"{len(missed)} of {len(asked)} cells miss it; in the worst, {', '.join(worst)}, it {told}."
        )
    elif len(asked) == 1:
        sentence = "The cell holds it."
    return Verdict(
        requirement.text,
        requirement.scenario,
        requirement.measure,
        len(asked) - len(missed),
        tuple(missed),
        sentence,
    )


def _result(
    campaign: Campaign,
    cell: Cell,
    lines: Mapping[tuple[Labels, int], Line],
    figures: Mapping[tuple[Labels, int], Figures],
    metric: str,
) -> CellResult:
    if cell.refusal:
        return CellResult(cell.labels, "not applicable", cell.refusal)
    commands = {seed: command_of(campaign, cell, seed) for seed in campaign.seeds}
    failures = {
        seed: lines[cell.labels, seed]["failure"]
        for seed in campaign.seeds
        if (cell.labels, seed) not in figures
    }
    seeds = {
        seed: figures[cell.labels, seed] | _compared(campaign, cell.labels, seed, figures, metric)
        for seed in campaign.seeds
        if seed not in failures
    }
    if failures:
        seed, reason = next(iter(failures.items()))
        return CellResult(cell.labels, "failed", reason, seeds=seeds, commands=commands, worst_seed=seed)
    names = dict.fromkeys(name for each in seeds.values() for name in each)
    found = {
        name: estimate([_default(name, each) for each in seeds.values()], measure_of(name, metric).limits)
        for name in names
    }
    return CellResult(
        cell.labels,
        "done",
        None,
        {name: value for name, value in found.items() if value is not None},
        _bands([lines[cell.labels, seed]["curves"] for seed in campaign.seeds], metric),
        seeds,
        commands,
        min(seeds, key=lambda seed: _or_least(seeds[seed].get(f"{metric}_worst"))),
    )


def _compared(
    campaign: Campaign,
    labels: Labels,
    seed: int,
    figures: Mapping[tuple[Labels, int], Figures],
    metric: str,
) -> Figures:
    """The measures against the run of the same seed without faults, as far as both are known."""
    own, reference = figures[labels, seed], figures.get((campaign.reference_of(labels), seed))
    if not campaign.references or reference is None:
        return {}
    found: Figures = {}
    for name, measure in (("drop", f"{metric}_mean"), ("drop_worst", f"{metric}_worst")):
        mine, theirs = own.get(measure), reference.get(measure)
        found[name] = theirs - mine if mine is not None and theirs is not None else None
    for name, measure in _RATIOS.items():
        mine, theirs = own.get(measure), reference.get(measure)
        found[name] = mine / theirs if mine is not None and theirs else None
    return found


def _default(name: str, figures: Figures) -> float | None:
    """What was never refused for a reason was refused no times."""
    return figures.get(name, 0.0 if name.startswith("refused_") else None)


def _bands(
    curves: Sequence[Mapping[str, list[float | None]]], metric: str
) -> dict[str, Sequence[float | None]]:
    """Mean and what is shown of its spread over seeds, in each of the rounds that all have."""
    rounds: Sequence[float | None] = curves[0]["round"]
    if any(each["round"] != rounds for each in curves):
        rounds = sorted(set.intersection(*({r for r in each["round"] if r is not None} for each in curves)))
    bands: dict[str, Sequence[float | None]] = {"round": list(rounds)}
    places = [{at: i for i, at in enumerate(each["round"])} for each in curves]
    for name in ("mean", "worst"):
        limits = measure_of(f"{metric}_{name}", metric).limits
        found = [
            estimate([each[name][place[at]] for each, place in zip(curves, places, strict=True)], limits)
            for at in rounds
        ]
        shown = [(each and each.shown) or (None, None) for each in found]
        bands[name] = [each.mean if each else None for each in found]
        bands[f"{name}_low"] = [low for low, _ in shown]
        bands[f"{name}_high"] = [high for _, high in shown]
    return bands


def _is_for(requirement: Requirement, campaign: Campaign, cell: CellResult) -> bool:
    own = dict(zip(campaign.axes, cell.labels, strict=True))
    return all(own[axis] in labels for axis, labels in requirement.where)


def _is_judged(measure: str, cell: CellResult) -> bool:
    return measure not in _WHERE_GIVEN or measure in cell.figures


def _value(requirement: Requirement, cell: CellResult) -> float:
    found = cell.figures.get(requirement.measure)
    if found is None:
        none_refused = cell.state == "done" and requirement.measure.startswith("refused_")
        return 0.0 if none_refused else math.nan
    return found.over(requirement.over)


def _or_least(value: float | None) -> float:
    return -np.inf if value is None else value
