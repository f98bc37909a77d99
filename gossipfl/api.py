"""The Python door: `gossipfl.simulate(topology="ring", peers=16, rounds=30)` returns a run to look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from gossipfl.data import Dataset
from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.baseline import baseline_rounds, heard_settings, refuse_baseline, without_graph
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.files import validate
from gossipfl.experiment.modelfile import Explanation, model_file, save_model
from gossipfl.experiment.recorder import Recorder
from gossipfl.experiment.settings import Experiment, moments
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.messages import PeerId, Traffic, Update
from gossipfl.protocol.wire import message_bytes
from gossipfl.report import Run, writing
from gossipfl.simulator.faults import Latency, Loss, Rule
from gossipfl.simulator.network import Network, Schedule
from gossipfl.topology import Topology

Progress = Callable[[int, int], None]
"""Told how many rounds of peers are done, and how many there are."""

_SHORT = {"topology": "kind", "data": "dataset", "model": "kind", "learning": "algorithm"}
_OBJECTS = ("topology", "data", "model", "algorithm", "aggregator")


def simulate(
    experiment: Experiment | None = None,
    *,
    out: str | Path | None = None,
    rules: tuple[Rule, ...] = (),
    progress: Progress | None = None,
    baseline: str | None = None,
    participation: float = 1.0,
    **settings: Any,
) -> Run:
    """Run an experiment in virtual time and return what came of it.

    `settings` are sections (`learning={"rounds": 20}`) or single keys of them (`rounds=20`); a word for a
    section sets its kind (`topology="ring"`, `data="wine"`) or its file (`data="a.csv"`). An object takes the
    place of what a name would choose: a `Topology` or a networkx graph for `topology`, a `Dataset` or a pair
    (features, targets) for `data`, a `Model`, an `Algorithm`, an `Aggregator`. `rules` are faults: callables
    `(sender, to, message, now)` that return a verdict. With `out`, the run is written there. Raises
    `UserError`.

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
    )
    if baseline is not None:
        for given in [name for name in ("algorithm", "aggregator") if name in objects] + ["rules"] * bool(
            rules
        ):
            raise SettingsError(f'The baseline "{baseline}" does not hear {given}: leave it out.')
        run = run_baseline(federation, baseline, participation, progress)
    elif participation != 1.0:
        raise SettingsError('participation is for baseline="fedavg": leave it out, or name the baseline.')
    else:
        run = run_network(federation, rules, progress)
    if out is not None:
        save_run(run, federation, Path(out))
    return run


def run_network(
    federation: Federation, rules: tuple[Rule, ...] = (), progress: Progress | None = None
) -> Run:
    """Run `federation` in virtual time."""
    began = time.perf_counter()
    experiment = federation.experiment
    total = federation.peers * experiment.learning.rounds
    closed = 0

    def observe(peer: PeerId, now: float, record: RoundClosed | Refused) -> None:
        nonlocal closed
        recorder.observe(peer, now, record)
        if progress and isinstance(record, RoundClosed):
            closed += 1
            progress(closed, total)

    def killed(peer: PeerId, now: float) -> None:
        recorder.killed(peer, now)

    network = network_of(federation, observe, killed, rules)
    recorder = Recorder(federation, lambda: network.traffic)
    network.run()
    recorder.close()
    summary = recorder.summary() | {
        "engine": "simulate",
        "virtual_s": network.now,
        "wall_s": time.perf_counter() - began,
        "trace_hash": network.trace_hash,
    }
    return run_of(federation, recorder, summary)


def network_of(
    federation: Federation,
    observe: Callable[[PeerId, float, RoundClosed | Refused], None],
    killed: Callable[[PeerId, float], None],
    rules: tuple[Rule, ...] = (),
) -> Network:
    """The network in virtual time that the experiment describes."""
    settings, faults = federation.experiment.network, federation.experiment.faults
    seed = federation.experiment.run.seed
    check_moments(federation)
    described: tuple[Rule, ...] = (Latency(settings.latency_s, settings.jitter_s, seed),)
    if settings.loss:
        described += (Loss(settings.loss, seed),)
    return Network(
        [federation.topology.neighbours(peer) for peer in range(federation.peers)],
        federation.new_peer,
        federation.fit_many,
        rules=(*described, *rules),
        training_s=lambda peer: settings.training_s * settings.slow.get(peer, 1.0),
        schedule=Schedule(moments(faults.kill), moments(faults.restart)),
        message_bytes=message_bytes,
        observe=observe,
        killed=killed,
    )


def run_baseline(
    federation: Federation, baseline: str, participation: float = 1.0, progress: Progress | None = None
) -> Run:
    """Run `baseline` ("local", "pooled" or "fedavg") for the peers and rows of `federation`.

    Traffic is that between peers and server; a round takes `network.training_s` of virtual time. Raises
    `SettingsError` for a setting that the baseline does not hear.
    """
    began, settings = time.perf_counter(), federation.experiment
    refuse_baseline(baseline, settings, participation)
    federation, training_s = without_graph(federation), settings.network.training_s
    traffic, digest = Traffic(), blake2b(digest_size=16)
    recorder = Recorder(federation, lambda: traffic)
    for round, (vectors, asked) in enumerate(baseline_rounds(federation, baseline, participation), 1):
        messages = 2 * int(asked.sum())
        traffic.messages_sent += messages
        traffic.bytes_sent += messages * message_bytes(Update(round, 0, 1, 0, 0, (vectors[0],)))
        digest.update(vectors.tobytes())
        for peer, vector in enumerate(vectors):
            closed = RoundClosed(round, vector, int(asked[peer]), 0, 0, training_s)
            recorder.observe(peer, round * training_s, closed)
        if progress:
            progress(round * federation.peers, settings.learning.rounds * federation.peers)
    recorder.close()
    summary = recorder.summary() | {
        "engine": f"baseline-{baseline}",
        **({"participation": participation} if baseline == "fedavg" else {}),
        "virtual_s": settings.learning.rounds * training_s,
        "wall_s": time.perf_counter() - began,
        "trace_hash": digest.hexdigest(),
        "spectral_gap": None,
    }
    run = run_of(federation, recorder, summary)
    run.settings = heard_settings(run.settings, baseline, federation.peers)
    return run


def check_moments(federation: Federation) -> None:
    """Raise `SettingsError` if a fault names a peer that is not there."""
    faults, slow = federation.experiment.faults, federation.experiment.network.slow
    for peer in (*moments(faults.kill), *moments(faults.restart), *slow):
        if peer >= federation.peers:
            raise SettingsError(
                f"There is no peer {peer} to kill, restart or slow: peers are 0 to {federation.peers - 1}."
            )


def run_of(federation: Federation, recorder: Recorder, summary: Mapping[str, Any]) -> Run:
    """What `recorder` saw of `federation`, as a run."""
    models = recorder.models()
    names = federation.topology.names
    vectors: dict[str, Array] = {names[peer]: vector for peer, vector in models.items()}
    settings = federation.experiment.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Run(settings, recorder.records, dict(summary), federation.topology.record(), vectors)


def save_run(run: Run, federation: Federation, out: Path) -> None:
    """Write `run` to the folder `out`: records, summary, models and, by `report`, what they look like."""
    import numpy as np

    run.summary["out"] = str(out)
    run.save(out)
    explanation = Explanation.of(federation.experiment.model, federation.dataset, federation.model)
    with writing(out):
        for name, vector in run.models.items():
            save_model(out / "models" / model_file(name), vector, explanation)
        if run.models:
            vectors = np.stack(list(run.models.values()))
            average = vectors.mean(axis=0, dtype=np.float64).astype(vectors.dtype)
            save_model(out / "models" / "averaged.safetensors", average, explanation)


def experiment_of(settings: Mapping[str, Any]) -> Experiment:
    """An experiment from sections, single keys, or a mixture of both. Raises `SettingsError`."""
    sections = {name: field.annotation for name, field in Experiment.model_fields.items()}
    homes: dict[str, list[str]] = {}
    for name, section in sections.items():
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
                f'"{name}" is a key of {" and ".join(homes[name])}: say which section you mean.'
            )
        else:
            raise SettingsError(f'There is no setting "{name}": {instead(name, [*sections, *homes])}')
    return validate(Experiment, table, "settings")


def _short(section: str, word: str) -> str:
    """The key of `section` that a single word sets; a word such as "a.csv" names a file."""
    return "file" if section in ("data", "topology") and Path(word).suffix else _SHORT[section]


def _without_objects(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Objects that take the place of names, and the settings that remain."""
    objects = {
        name: value
        for name, value in settings.items()
        if name in _OBJECTS and not isinstance(value, (str, Mapping, type(None)))
    }
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
    return objects, {name: value for name, value in settings.items() if name not in objects}
