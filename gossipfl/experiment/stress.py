"""What a stress campaign says: the `[stress]` section of an experiment, and the cells that its axes span.

Rules:
- Axes override the experiment's own keys; every combination of labels is a cell, an experiment of its own.
- A cell that its settings refuse is kept with the reason; a label that is refused in all its cells is a
  mistake, and so is a base that is not valid by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.files import (
    Base,
    override,
    parse_set,
    presets,
    read_base,
    resolve_paths,
    validate,
)
from gossipfl.experiment.inline import as_set
from gossipfl.experiment.requirements import Requirement, parse_requirement
from gossipfl.experiment.section import Section
from gossipfl.experiment.settings import Experiment

PRESET = "dropped-peers"
AXES_MAX = 4
SEEDS_MAX = 1_000
CELLS_MAX = 10_000
ENGINE_AXIS = "engine"
FAULT_SECTIONS = ("network", "faults", "attack")
"""An axis that overrides these alone is one of faults: the others are held against its first label."""


def _requirement(text: str) -> str:
    parse_requirement(text)
    return text


RequirementText = Annotated[str, AfterValidator(_requirement)]
Label = Annotated[str, Field(min_length=1, max_length=64)]


def _nested(overrides: Any) -> Any:
    """`{"network.loss": 0.3}` as `{"network": {"loss": 0.3}}`."""
    if not isinstance(overrides, Mapping):
        return overrides
    table: dict[str, Any] = {}
    for name, value in overrides.items():
        section, dot, key = str(name).partition(".")
        if dot and isinstance(table.setdefault(section, {}), dict):
            table[section][key] = value
        else:
            table[name] = value
    return table


Overrides = Annotated[dict[str, dict[str, Any]], BeforeValidator(_nested)]


class ScenarioSettings(Section):
    """Requirements of some of the cells."""

    name: Label
    where: dict[str, str | tuple[str, ...]]
    require: Annotated[tuple[RequirementText, ...], Field(min_length=1)]


class StressSettings(Section):
    """A grid around an experiment, and what every cell of it must reach."""

    axes: dict[Label, dict[Label, Overrides]] = Field(default_factory=dict)
    engines: tuple[Literal["network", "crowd"], ...] = ()
    seeds: int = Field(3, ge=1, le=SEEDS_MAX)
    baseline: dict[str, str] = Field(default_factory=dict)
    require: tuple[RequirementText, ...] = ()
    scenario: tuple[ScenarioSettings, ...] = ()

    @model_validator(mode="after")
    def _agree(self) -> StressSettings:
        axes = self.all_axes()
        if not 1 <= len(axes) <= AXES_MAX:
            raise ValueError(
                f"stress.axes has {len(axes)} axes: give 1 to {AXES_MAX}, the engines among them"
            )
        for axis, known in axes.items():
            if not known:
                raise ValueError(f"stress.axes.{axis} has no label: give it some, such as none = {{}}")
        if ENGINE_AXIS in self.axes:
            raise ValueError(f'stress.axes cannot hold "{ENGINE_AXIS}": say engines = ["network", "crowd"]')
        for axis, label in self.baseline.items():
            _known("stress.baseline", axis, (label,), axes)
        for scenario in self.scenario:
            for axis, labels in scenario.where.items():
                _known(f'The scenario "{scenario.name}"', axis, _several(labels), axes)
        return self

    def all_axes(self) -> dict[str, dict[str, Overrides]]:
        """The axes, that of the engines last."""
        engines: dict[str, Overrides] = {name: {"run": {"engine": name}} for name in self.engines}
        return {**self.axes, **({ENGINE_AXIS: engines} if engines else {})}

    def references(self) -> dict[str, str]:
        """{axis: label} of faults, and what the cells of each are held against."""
        if self.baseline:
            return dict(self.baseline)
        found = {}
        for axis, labels in self.axes.items():
            sections = {section for overrides in labels.values() for section in overrides}
            if sections and sections <= set(FAULT_SECTIONS):
                found[axis] = next(iter(labels))
        return found

    def requirements(self) -> tuple[Requirement, ...]:
        """Those of all cells, and those of scenarios."""
        scenarios = (
            replace(
                parse_requirement(text),
                scenario=each.name,
                where=tuple((axis, _several(labels)) for axis, labels in each.where.items()),
            )
            for each in self.scenario
            for text in each.require
        )
        return (*map(parse_requirement, self.require), *scenarios)


@dataclass(frozen=True)
class Cell:
    """One combination of labels, (a,) as there are axes."""

    labels: tuple[str, ...]
    sets: tuple[str, ...]
    """What it overrides, as `--set` takes it."""
    experiment: Experiment | None
    refusal: str | None = None
    """Why there is no experiment, or none that an engine takes."""


@dataclass(frozen=True)
class Campaign:
    """A base, its axes and seeds, and every cell."""

    name: str
    file: str
    """What to tell `gossipfl simulate` to have the base."""
    sets: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]]
    references: Mapping[str, str]
    requirements: tuple[Requirement, ...]
    seeds: tuple[int, ...]
    base: Experiment
    meanings: Mapping[str, Mapping[str, str]]
    """{axis: {label: what it overrides}}, as `--set` takes it."""
    cells: tuple[Cell, ...]

    def reference_of(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The labels of the cell without faults that this one is held against; its own if it is that."""
        return tuple(self.references.get(axis, label) for axis, label in zip(self.axes, labels, strict=True))


def read_campaign(
    name: str | None = None,
    sets: Iterable[str] = (),
    *,
    stress: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    require: Iterable[str] = (),
) -> Campaign:
    """The campaign in the file `name`, or the bundled one of that name; `PRESET` for None.

    `stress` replaces keys of its `[stress]`; `seeds` and `require` are for those of the command line, which
    add requirements. Raises `SettingsError`.
    """
    name, sets = name or PRESET, tuple(sets)
    own = [text for text in sets if text.strip().startswith("stress.")]
    sets = tuple(text for text in sets if text not in own)
    base = read_base(name, sets)
    told = base.stress | dict(stress or {}) | {key: value for _, key, value in map(parse_set, own)}
    if seeds is not None:
        told["seeds"] = seeds
    if require := (*require,):
        own_ones = told.get("require", ())
        told["require"] = [*own_ones, *require] if isinstance(own_ones, list | tuple) else own_ones
    if not told.get("axes") and not told.get("engines"):
        raise SettingsError(
            f"{name} has no axes to vary in [stress.axes]: add some, or take one of the presets "
            f"{', '.join(presets())}."
        )
    settings = validate(StressSettings, told, f"{name}, [stress]")
    axes, first = settings.all_axes(), base.experiment.run.seed
    cells = tuple(_cells(base, axes))
    refuse_unusable(axes, cells)
    return Campaign(
        base.experiment.run.name,
        name,
        sets,
        {axis: tuple(labels) for axis, labels in axes.items()},
        settings.references(),
        settings.requirements(),
        tuple(range(first, first + settings.seeds)),
        base.experiment,
        {
            axis: {label: ", ".join(_sets(overrides)) for label, overrides in labels.items()}
            for axis, labels in axes.items()
        },
        cells,
    )


def refuse_unusable(axes: Iterable[str], cells: Iterable[Cell]) -> None:
    """Raise `SettingsError` for a label none of whose cells can run; engines may refuse all."""
    cells = tuple(cells)
    if all(cell.refusal for cell in cells):
        raise SettingsError(f"No cell can run: {cells[0].refusal}")
    for place, axis in enumerate(axes):
        good = {cell.labels[place] for cell in cells if not cell.refusal}
        for cell in cells:
            if axis != ENGINE_AXIS and cell.labels[place] not in good:
                raise SettingsError(f'{axis} = "{cell.labels[place]}" cannot run: {cell.refusal}')


def _cells(base: Base, axes: Mapping[str, Mapping[str, Overrides]]) -> Iterator[Cell]:
    count = prod(map(len, axes.values()))
    if count > CELLS_MAX:
        raise SettingsError(f"The axes span {count:,} cells: leave out labels until there are {CELLS_MAX:,}.")
    for labels in product(*map(tuple, axes.values())):
        table, sets = deepcopy(base.table), list[str]()
        for known, label in zip(axes.values(), labels, strict=True):
            overrides = deepcopy(known[label])
            resolve_paths(overrides, base.folder)
            for section, keys in overrides.items():
                for key, value in keys.items():
                    override(table, section, key, value)
            sets += _sets(overrides)
        yield _cell(labels, tuple(sets), table)


def _sets(overrides: Overrides) -> list[str]:
    return [
        as_set(f"{section}.{key}", value)
        for section, keys in overrides.items()
        for key, value in keys.items()
    ]


def _cell(labels: tuple[str, ...], sets: tuple[str, ...], table: dict[str, Any]) -> Cell:
    try:
        return Cell(labels, sets, validate(Experiment, table, "With these settings"))
    except SettingsError as error:
        return Cell(labels, sets, None, str(error))


def _several(labels: str | tuple[str, ...]) -> tuple[str, ...]:
    return (labels,) if isinstance(labels, str) else labels


def _known(where: str, axis: str, labels: tuple[str, ...], axes: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `ValueError` for an axis or label that is not there."""
    if axis not in axes:
        raise ValueError(f'{where} names the axis "{axis}": {instead(axis, axes).rstrip(".")}')
    for label in labels:
        if label not in axes[axis]:
            raise ValueError(f'{where} names the {axis} "{label}": {instead(label, axes[axis]).rstrip(".")}')
