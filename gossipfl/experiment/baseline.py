"""A baseline of an experiment: the settings that it hears, and what its peers hold after each round.

Rules:
- The graph is set aside: it says how many peers there are and what they are called.
- Any other setting that a baseline does not hear must be what it is by default: nothing is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.federation import Federation
from gossipfl.experiment.meeting import Meeting
from gossipfl.experiment.settings import Experiment, without
from gossipfl.learn.contracts import Samples
from gossipfl.learn.training import Training
from gossipfl.simulator.baselines import BASELINES, Closed, federated_averaging, local_only, pooled

_HEARD = {"rounds", "decay", *(field.name for field in fields(Training))}
"""Keys of [learning] that say how a peer trains, and for how long; of [network], training alone is heard."""

_SAME = ("topology", "data", "model", "run")
"""Sections that say who the peers are, what they hold and train; of the graph, how many there are."""


def unheard_by(baseline: str) -> list[str]:
    """The keys `section.key` that `baseline` does not hear, those of the graph apart."""
    heard = {"learning": _HEARD | {"weights"} if baseline == "fedavg" else _HEARD, "network": {"training_s"}}
    return [
        f"{section}.{key}"
        for section in Experiment.model_fields
        if section not in _SAME
        for key in type(getattr(Experiment(), section)).model_fields
        if key not in heard.get(section, ())
    ]


def said_in_vain(baseline: str, experiment: Experiment) -> list[str]:
    """Keys of `experiment` that `baseline` does not hear, and that are not what they are by default."""
    default = Experiment()
    vain = [key for key in unheard_by(baseline) if _value(experiment, key) != _value(default, key)]
    by_graph = baseline == "fedavg" and experiment.learning.weights not in ("samples", "uniform")
    return [*vain, "learning.weights"] if by_graph else vain


def refuse_baseline(baseline: str, experiment: Experiment, participation: float = 1.0) -> None:
    """Raise `SettingsError` if there is no such `baseline`, or if it cannot do what it is told to do."""
    if baseline not in BASELINES:
        raise SettingsError(f'There is no baseline "{baseline}": {instead(baseline, BASELINES)}')
    if participation != 1.0 and baseline != "fedavg":
        raise SettingsError(f'The baseline "{baseline}" has no server to ask peers: leave out participation.')
    if not 0.0 < participation <= 1.0:
        raise SettingsError(f"participation is {participation}: set it above 0 and to 1 at most.")
    if vain := said_in_vain(baseline, experiment):
        default = {key: json.dumps(_value(Experiment(), key)) for key in vain}
        anew = ", ".join(f"{key}={value}" for key, value in default.items() if value != "null")
        what = "it" if len(vain) == 1 else "them"
        raise SettingsError(
            f'The baseline "{baseline}" does not hear {", ".join(vain)}: leave {what}'
            f" out{', or set ' * bool(anew)}{anew}."
        )


def heard_alone(experiment: Experiment, baseline: str) -> Experiment:
    """`experiment` with what `baseline` does not hear as it is by default."""
    default, changes = Experiment(), dict[str, dict[str, object]]()
    for key in said_in_vain(baseline, experiment):
        section, name = key.split(".")
        changes.setdefault(section, {})[name] = _value(default, key)
    sections = {name: getattr(experiment, name).model_copy(update=keys) for name, keys in changes.items()}
    return experiment.model_copy(update=sections)


def heard_settings(settings: dict[str, Any], baseline: str, peers: int) -> dict[str, Any]:
    """Of `settings`, as they are written down, those that `baseline` hears: with them it can be run again."""
    return without(settings, dict.fromkeys(unheard_by(baseline), "")) | {"topology": {"peers": peers}}


def without_graph(federation: Federation) -> Federation:
    """The same peers, none of whom is a neighbour of any."""
    return replace(
        federation, meeting=Meeting(replace(federation.topology, edges=np.empty((0, 2), np.int64)))
    )


def baseline_rounds(federation: Federation, baseline: str, participation: float = 1.0) -> Iterator[Closed]:
    """What the peers of `federation` hold after each round of `baseline`."""
    learning, start, peers = federation.experiment.learning, federation.start(), federation.peers
    if baseline == "local":
        return local_only(start, peers, learning.rounds, federation.fit_many)
    if baseline == "pooled":
        rows, seed = _union(federation.train), federation.experiment.run.seed
        return pooled(
            start,
            peers,
            learning.rounds,
            lambda vector, round: federation.model.fit(vector, rows, Draws(seed, round=round)),
        )
    by_samples = learning.weights == "samples"
    return federated_averaging(
        start,
        federation.train.counts if by_samples else np.ones(peers),
        learning.rounds,
        federation.fit_many,
        participation=participation,
        seed=federation.experiment.run.seed,
    )


def _union(train: Samples) -> Samples:
    """The rows of all peers as those of one."""
    rows = np.concatenate([train.of(peer).rows for peer in range(len(train.counts))])
    return Samples(train.features, train.targets, rows, np.asarray(len(rows)))


def _value(experiment: Experiment, key: str) -> object:
    section, name = key.split(".")
    value: object = getattr(getattr(experiment, section), name)
    return value
