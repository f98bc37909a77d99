"""The Python door: `gossipfl.simulate(topology="ring", peers=16, rounds=30)` returns a run to look at, and
`gossipfl.stress("dropped-peers")` a whole grid of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gossipfl.campaign.run import run_campaign
from gossipfl.data import Dataset
from gossipfl.engines import Progress, run_baseline, run_crowd, run_network, save_run
from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.attack import GIVEN
from gossipfl.experiment.crowd import Present
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import DEFAULT, validate
from gossipfl.experiment.inline import as_set
from gossipfl.experiment.settings import Experiment
from gossipfl.experiment.stress import read_campaign
from gossipfl.report import Run
from gossipfl.report.stress.files import write_stress
from gossipfl.report.stress.result import Stress
from gossipfl.report.words import listing
from gossipfl.simulator.faults import Fault, Rule
from gossipfl.topology import Topology

_SHORT = {
    "topology": "kind",
    "data": "dataset",
    "model": "kind",
    "learning": "algorithm",
    "attack": "kind",
    "robust": "rule",
}
_OBJECTS = ("topology", "data", "model", "algorithm", "aggregator", "attack", "faults")
_WHOLE = ("attack",)
"""Sections whose keys are said in them alone: `peers` are those of the graph."""


def simulate(
    experiment: Experiment | None = None,
    *,
    out: str | Path | None = None,
    rules: tuple[Rule, ...] = (),
    progress: Progress | None = None,
    baseline: str | None = None,
    participation: float = 1.0,
    present: Present | None = None,
    scratch: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Run an experiment in virtual time, or as a crowd, and return what came of it.

    `settings` are sections (`learning={"rounds": 20}`) or single keys of them (`rounds=20`); a word for a
    section sets its kind (`topology="ring"`, `data="wine"`) or its file (`data="a.csv"`). An object takes the
    place of what a name would choose: a `Topology` or a networkx graph for `topology`, a `Dataset` or a pair
    (features, targets) for `data`, a `Model`, an `Algorithm`, an `Aggregator`, an `Attack` (alone, or as the
    `kind` of `attack={"kind": MyAttack(), "peers": 4}`). `rules` are faults: callables
    `(sender, to, message, now)` that return a verdict; `faults` may be a list of what befalls whom, such as
    `[Kill(3, round=5), Back(3, round=9)]`. With `out`, the run is written there. Raises
    `UserError`.

    `engine="crowd"` computes all peers at once, without messages and without a clock, many times faster.
    There `present(round)` tells who of the peers takes part (n,), and with `scratch` their state is kept in
    files of that folder, for crowds larger than memory.

    A `baseline` runs in the place of gossip, for the same peers and rows: "local", each peer trains alone;
    "pooled", one model on all rows; "fedavg", a server that asks a fraction `participation` of the peers in
    each round. What it has no use for, such as faults or an algorithm, is refused; the graph is set aside.

    >>> run = gossipfl.simulate(topology="ring", peers=16, data="digits", rounds=30, seed=1)
    >>> print(run.table())
    """
    objects, plain = _without_objects(settings)
    if experiment is None:
        experiment = experiment_of(plain)
    elif plain:
        raise SettingsError(f"Give an Experiment or settings, not both: leave out {', '.join(plain)}.")
    federation = build(
        experiment,
        topology=objects.get("topology"),
        dataset=objects.get("data"),
        model=objects.get("model"),
        algorithm=objects.get("algorithm"),
        aggregator=objects.get("aggregator"),
        attack=objects.get("attack"),
    )
    plans = _plans(objects.get("faults"))
    asks_for_a_crowd = present is not None or scratch is not None
    if asks_for_a_crowd and (baseline is not None or experiment.run.engine != "crowd"):
        raise SettingsError('present and scratch are for engine="crowd": leave them out, or name it.')
    if baseline is not None:
        unheard = [name for name in ("algorithm", "aggregator", "faults") if name in objects]
        for given in unheard + ["rules"] * bool(rules):
            raise SettingsError(f'The baseline "{baseline}" does not hear {given}: leave it out.')
        run = run_baseline(federation, baseline, participation, progress)
    elif participation != 1.0:
        raise SettingsError('participation is for baseline="fedavg": leave it out, or name the baseline.')
    elif experiment.run.engine == "crowd":
        if rules:
            raise SettingsError('A crowd has no messages to rule: leave out rules, or take engine="network".')
        folder = Path(scratch) if scratch else None
        run = run_crowd(federation, progress, present=present, scratch=folder, plans=plans)
    else:
        run = run_network(federation, rules, progress, plans)
    if out is not None:
        save_run(run, federation, Path(out))
    return run


def stress(
    file: str | Path | None = None,
    *,
    axes: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    seeds: int | None = None,
    require: Sequence[str] = (),
    engines: Sequence[str] | None = None,
    baseline: Mapping[str, str] | None = None,
    scenario: Sequence[Mapping[str, Any]] | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Stress:
    """Run a stress campaign in processes of its own, and return what came of it.

    `file` is an experiment with `[stress]`, or the name of one that comes along; with `axes`, any experiment,
    "ring-8" if none is named. `axes` are tables of label and overrides, `settings` keywords as `simulate`
    takes them, but no objects, for other processes read them. With `out`, every run is kept there, a campaign
    that was ended goes on there, and the report is written there. Raises `UserError`.

    >>> losses = {"none": {}, "half": {"network.loss": 0.5}}
    >>> found = gossipfl.stress("torus-16", axes={"loss": losses}, require=["drop <= 1%"], rounds=20)
    >>> print(found.table())
    """
    given = {"axes": axes, "engines": engines, "baseline": baseline, "scenario": scenario}
    told = {name: value for name, value in given.items() if value is not None}
    name = str(file) if file is not None else DEFAULT if axes is not None else None
    campaign = read_campaign(name, _sets_of(settings), stress=told, seeds=seeds, require=require)
    if out is None:
        with TemporaryDirectory(prefix="gossipfl-", ignore_cleanup_errors=True) as folder:
            found = run_campaign(campaign, Path(folder), workers=workers, progress=progress)
        return replace(found, out=None)
    found = run_campaign(campaign, Path(out), workers=workers, resume=resume, progress=progress)
    write_stress(found, Path(out))
    return found


def experiment_of(settings: Mapping[str, Any]) -> Experiment:
    """An experiment from sections, single keys, or a mixture of both. Raises `SettingsError`."""
    sections = {name: field.annotation for name, field in Experiment.model_fields.items()}
    homes: dict[str, list[str]] = {}
    for name, section in sections.items():
        if name in _WHOLE:
            continue
        for key, field in section.model_fields.items():  # type: ignore[union-attr]
            homes.setdefault(field.alias or key, []).append(name)
    table: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        if name in sections:
            given = {_short(name, value): value} if name in _SHORT and isinstance(value, str) else value
            table.setdefault(name, {}).update(given)
        elif len(homes.get(name, ())) == 1:
            table.setdefault(homes[name][0], {})[name] = value
        elif name in homes:
            raise SettingsError(
                f'"{name}" is a key of {listing(homes[name])}: say of which, as in '
                f'{homes[name][0]}={{"{name}": ...}}.'
            )
        else:
            raise SettingsError(f'There is no setting "{name}": {instead(name, [*sections, *homes])}')
    return validate(Experiment, table, "settings")


def _short(section: str, word: str) -> str:
    """The key of `section` that a single word sets; a word such as "a.csv" names a file."""
    return "file" if section in ("data", "topology") and Path(word).suffix else _SHORT[section]


def _plans(given: object) -> tuple[Fault, ...]:
    """What was given as `faults`, if no section. Raises `SettingsError` for anything else than plans."""
    if given is None:
        return ()
    plans = tuple(given) if isinstance(given, list | tuple) else (given,)
    for plan in plans:
        if not isinstance(plan, Fault):
            raise SettingsError(
                f"faults is a section or a list of Kill, Leave, Partition and so on, and {plan!r:.40} is "
                "none of them: see gossipfl.simulator.faults."
            )
    return plans


def _without_objects(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Objects that take the place of names, and the settings that remain."""
    objects = {
        name: value
        for name, value in settings.items()
        if name in _OBJECTS and not isinstance(value, (str, Mapping, type(None)))
    }
    remaining = {name: value for name, value in settings.items() if name not in objects}
    _take_attack(objects, remaining)
    if "algorithm" in objects and "aggregator" in settings:
        raise SettingsError("An Algorithm has an aggregator of its own: leave out aggregator, or name both.")
    graph, data = objects.get("topology"), objects.get("data")
    if graph is not None and hasattr(graph, "nodes") and hasattr(graph, "is_directed"):
        objects["topology"] = Topology.from_graph(graph)
    elif graph is not None and not isinstance(graph, Topology):
        raise SettingsError(
            f"topology is a name, a section, a Topology or a networkx graph, not a {type(graph).__name__}."
        )
    if isinstance(data, tuple) and len(data) == 2:
        objects["data"] = Dataset.of(*data)
    elif data is not None and not isinstance(data, Dataset):
        raise SettingsError(
            "data is a name, a section, a Dataset or a pair (features, targets), "
            f"not a {type(data).__name__}: see Dataset.of."
        )
    return objects, remaining


def _take_attack(objects: dict[str, Any], settings: dict[str, Any]) -> None:
    """Take an attack that is an object out of `settings`, which then say that one is given."""
    section = settings.get("attack")
    if isinstance(section, Mapping) and not isinstance(section.get("kind", ""), str):
        objects["attack"] = section["kind"]
        settings["attack"] = {**section, "kind": GIVEN}
    elif "attack" in objects:
        settings["attack"] = {"kind": GIVEN}


def _sets_of(settings: Mapping[str, Any]) -> list[str]:
    """Keywords as overrides on the command line."""
    objects, plain = _without_objects(settings)
    if objects:
        raise SettingsError(f"A campaign runs in other processes: name {', '.join(objects)} by settings.")
    given = experiment_of(plain).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [as_set(f"{name}.{key}", value) for name, keys in given.items() for key, value in keys.items()]
