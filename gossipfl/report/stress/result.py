"""What a stress campaign found, as one value that every table, plot and page reads.

Rules:
- A cell's figures are over its seeds: their mean, a 95 % interval of Student's t where there are two or more,
  and the least and the most of them. An interval ends where the measure does: no share is above 1.
- What is shown of fewer seeds than `SEEDS_FOR_INTERVAL` is from the least to the most of them: an interval
  of so few is wider than anything that was seen.
- What is unknown is absent, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIDENCE = 0.95
SEEDS_FOR_INTERVAL = 5
"""Student's t multiplies the error of two seeds by 12.7, of three by 4.3, of five by 2.8. Our guess."""
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure of one cell, over its seeds."""

    mean: float
    low: float | None
    high: float | None
    """The interval, if there are seeds enough for one."""
    least: float
    most: float
    seeds: int

    @property
    def is_interval(self) -> bool:
        """Whether `shown` is the interval; else it is from the least to the most."""
        return self.seeds >= SEEDS_FOR_INTERVAL

    @property
    def shown(self) -> tuple[float, float] | None:
        """From where to where a plot or a table shows it, if there is more than one seed."""
        if self.low is None or self.high is None:
            return None
        return (self.low, self.high) if self.is_interval else (self.least, self.most)

    def over(self, which: str) -> float:
        """The `mean`, the `min` or the `max`."""
        return {"mean": self.mean, "min": self.least, "max": self.most}[which]


def estimate(
    values: Sequence[float | None], limits: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate | None:
    """Over seeds, of a measure that is within `limits`; None unless each has a finite value."""
    from scipy.stats import t

    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known or len(known) < len(values):
        return None
    n, mean = len(known), math.fsum(known) / len(known)
    if n == 1:
        return Estimate(mean, None, None, mean, mean, 1)
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (n - 1) / n)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    low, high = max(mean - half, limits[0]), min(mean + half, limits[1])
    return Estimate(mean, low, high, min(known), max(known), n)


@dataclass(frozen=True)
class CellResult:
    """One combination of labels, and what came of its runs."""

    labels: Labels
    state: Literal["done", "failed", "not applicable"]
    reason: str | None
    """Why it failed, or does not apply."""
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """`round` (e,), and (e,) of `mean`, `mean_low`, `mean_high` as shown, and the same of `worst`."""
    seeds: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    """The figures of each run that was done."""
    commands: Mapping[int, str] = field(default_factory=dict)
    """What repeats the run of each seed."""
    worst_seed: int | None = None

    @property
    def command(self) -> str:
        """What repeats its worst run, or its first."""
        seed = self.worst_seed if self.worst_seed is not None else min(self.commands)
        return self.commands[seed]

    def mean(self, measure: str) -> float:
        """NaN if it is not known."""
        found = self.figures.get(measure)
        return found.mean if found else math.nan


@dataclass(frozen=True)
class Verdict:
    """One requirement, and the cells that miss it, the worst first."""

    text: str
    scenario: str | None
    measure: str
    held_by: int
    """How many cells hold it."""
    missed: tuple[Labels, ...]
    sentence: str


@dataclass(frozen=True)
class Stress:
    """A campaign and its outcome: `table()`, `plot()`, `cells`."""

    name: str
    metric: str
    about: Sequence[str]
    """What every cell has in common, in a few words each."""
    axes: Mapping[str, tuple[str, ...]]
    faults: Mapping[str, str]
    """{axis: label} of the faults, and what a cell is held against."""
    seeds: tuple[int, ...]
    cells: Sequence[CellResult] = field(repr=False)
    verdicts: Sequence[Verdict]
    command: str
    settings: Mapping[str, Any] = field(repr=False)
    overrides: Mapping[str, Mapping[str, str]] = field(repr=False, default_factory=dict)
    """{axis: {label: what it overrides}}."""
    wall_s: float = 0.0
    out: str | None = None

    @property
    def met(self) -> bool:
        """Whether every cell ran, and holds what was required of it."""
        return not self.failed and not any(verdict.missed for verdict in self.verdicts)

    @property
    def failed(self) -> list[CellResult]:
        """The cells that should have run and did not."""
        return [cell for cell in self.cells if cell.state == "failed"]

    @property
    def done(self) -> list[CellResult]:
        """The cells with figures."""
        return [cell for cell in self.cells if cell.state == "done"]

    def cell(self, *labels: str) -> CellResult:
        """The cell of these labels, in the order of the axes."""
        found = {cell.labels: cell for cell in self.cells}
        return found[labels]

    def table(self) -> str:
        """All cells as aligned text."""
        from gossipfl.report.compare import columns_as_text
        from gossipfl.report.stress.tables import cell_rows, headings

        return columns_as_text(headings(self), cell_rows(self))

    def plot(self, directory: str | Path | None = None) -> Figure | list[Path]:
        """The heat maps as a matplotlib Figure or, given a directory, every plot as a PNG in it (paths)."""
        from gossipfl.report.stress.files import write_stress_plots
        from gossipfl.report.stress.heat import sheet

        return sheet(self) if directory is None else write_stress_plots(self, Path(directory))

    def as_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        cells = [
            asdict(cell) | {"labels": dict(zip(self.axes, cell.labels, strict=True))} for cell in self.cells
        ]
        return {**asdict(self), "met": self.met, "confidence": CONFIDENCE, "cells": cells}
