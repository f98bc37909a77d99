"""A federation run by an engine: the network in virtual time, the crowd, or a baseline in gossip's place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from gossipfl.experiment.baseline import baseline_rounds, heard_settings, refuse_baseline, without_graph
from gossipfl.experiment.crowd import (
    Present,
    Roll,
    collusion_of,
    crowd_of,
    hash_of,
    outcome_of,
    refuse_crowd,
    ties_of,
)
from gossipfl.experiment.federation import Federation
from gossipfl.experiment.modelfile import Explanation, model_file, save_model
from gossipfl.experiment.planning import check_plans, plans_of, rules_of
from gossipfl.experiment.recorder import Recorder
from gossipfl.learn.compiled import chosen
from gossipfl.protocol.events import Record, RoundClosed
from gossipfl.protocol.messages import PeerId, Traffic, Update
from gossipfl.protocol.wire import message_bytes
from gossipfl.report import Run, writing
from gossipfl.simulator.faults import Fault, Rule, Schedule, Slow
from gossipfl.simulator.hostility import Hostile
from gossipfl.simulator.lives import Marked
from gossipfl.simulator.network import Network, Observer
from gossipfl.simulator.shelf import shelf
from gossipfl.simulator.workers import workers

Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is."""


def run_network(
    federation: Federation,
    rules: tuple[Rule, ...] = (),
    progress: Progress | None = None,
    plans: tuple[Fault, ...] = (),
) -> Run:
    """Run `federation` in virtual time; `plans` befall it beside what its settings say."""
    began = time.perf_counter()
    federation = federation.quick()
    experiment = federation.experiment
    total = federation.peers * experiment.learning.rounds
    closed = 0

    def observe(peer: PeerId, now: float, record: Record) -> None:
        nonlocal closed
        recorder.observe(peer, now, record)
        if progress and isinstance(record, RoundClosed):
            closed += 1
            progress(closed, total)

    def marked(what: str, now: float, peers: tuple[PeerId, ...]) -> None:
        recorder.marked(what, now, peers)

    network = network_of(federation, observe, marked, rules, plans)
    recorder = Recorder(federation, lambda: network.traffic)
    network.run()
    recorder.close()
    summary = recorder.summary() | {
        "engine": "network",
        "kernels": chosen(),
        "virtual_s": network.now,
        "wall_s": time.perf_counter() - began,
        "trace_hash": network.trace_hash,
    }
    return run_of(federation, recorder, summary)


def run_crowd(
    federation: Federation,
    progress: Progress | None = None,
    *,
    present: Present | None = None,
    scratch: Path | None = None,
    plans: tuple[Fault, ...] = (),
) -> Run:
    """Run `federation` as a crowd, its state in files of `scratch` if that is given.

    `present(round)` tells who of the peers takes part (n,); without it, all do. Raises `UserError`.
    """
    began = time.perf_counter()
    plans = check_moments(federation, plans)
    refuse_crowd(federation, present, plans)
    federation = federation.quick()
    experiment, traffic = federation.experiment, Traffic()
    recorder = Recorder(federation, lambda: traffic)
    roll, round_s = Roll(plans, federation.peers, experiment.run.seed), experiment.network.training_s
    with shelf(scratch) as kept, workers() as hands:
        worked = _counted(progress, (2 * experiment.learning.rounds + 1) * federation.peers)
        crowd = crowd_of(federation, kept, hands, roll=roll, present=present, progress=worked)
        for round in range(1, experiment.learning.rounds + 1):
            for what, peer in roll.happened(round):
                recorder.marked(what, (round - 1) * round_s, (peer,))
            sent = crowd.round(round)
            traffic.messages_sent += sent
            traffic.bytes_sent += sent * message_bytes(Update(round, 0, round, 1, 1, crowd.word))
            if recorder.due(round):
                outcome = outcome_of(crowd, hands, recorder.judged, roll(round), federation.attackers)
                recorder.observe_all(round, round * round_s, outcome)
        trace_hash = hash_of(crowd)
    summary = recorder.summary() | {
        "engine": "crowd",
        "kernels": chosen(),
        "virtual_s": experiment.learning.rounds * round_s,
        "wall_s": time.perf_counter() - began,
        "trace_hash": trace_hash,
    }
    return run_of(federation, recorder, summary)


def _counted(progress: Progress | None, total: int) -> Callable[[int], None]:
    """Tells `progress` of `total` how much has come together."""
    done = 0

    def more(peers: int) -> None:
        nonlocal done
        done += peers
        if progress:
            progress(done, total)

    return more


def network_of(
    federation: Federation,
    observe: Observer,
    marked: Marked,
    rules: tuple[Rule, ...] = (),
    plans: tuple[Fault, ...] = (),
) -> Network:
    """The network in virtual time that the experiment describes, which `plans` befall as well."""
    settings, seed = federation.experiment.network, federation.experiment.run.seed
    plans = check_moments(federation, plans)
    described = rules_of(settings, federation.peers, seed)
    neighbours = [federation.meeting.linked(peer) for peer in range(federation.peers)]
    collusion = collusion_of(federation)
    hostile = (Hostile(collusion, neighbours, ties_of(federation)),) if collusion else ()
    return Network(
        neighbours,
        federation.new_peer,
        collusion.fitting(federation.fit_many) if collusion else federation.fit_many,
        losses=federation.losses,
        rules=(*hostile, *rules, *described),  # what is said comes before what the network makes of it
        training_s=lambda peer: settings.training_s * settings.slow.get(peer, 1.0),
        schedule=Schedule(more=plans),
        seed=seed,
        message_bytes=message_bytes,
        observe=observe,
        marked=marked,
        rushing=federation.attackers,
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
    federation, training_s = without_graph(federation).quick(), settings.network.training_s
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
        "kernels": chosen(),
        **({"participation": participation} if baseline == "fedavg" else {}),
        "virtual_s": settings.learning.rounds * training_s,
        "wall_s": time.perf_counter() - began,
        "trace_hash": digest.hexdigest(),
        "spectral_gap": None,
    }
    run = run_of(federation, recorder, summary)
    run.settings = heard_settings(run.settings, baseline, federation.peers)
    return run


def check_moments(federation: Federation, plans: tuple[Fault, ...] = ()) -> tuple[Fault, ...]:
    """All that befalls, `plans` included. Raises `SettingsError` for a peer that is not there."""
    experiment = federation.experiment
    plans = (*plans_of(experiment.faults), *plans)
    slow = (Slow(peer, 1, 1, times) for peer, times in experiment.network.slow.items())
    check_plans((*plans, *slow), federation.peers)
    return plans


def run_of(federation: Federation, recorder: Recorder, summary: Mapping[str, Any]) -> Run:
    """What `recorder` saw of `federation`, as a run."""
    outcome, names = recorder.outcome(), federation.topology.names
    vectors = {names[peer]: vector for peer, vector in zip(outcome.peers, outcome.vectors, strict=True)}
    averaged = outcome.averaged.astype(federation.model.dtype) if outcome.finished else None
    settings = federation.experiment.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Run(settings, recorder.records, dict(summary), federation.topology.record(), vectors, averaged)


def save_run(run: Run, federation: Federation, out: Path) -> None:
    """Write `run` to the folder `out`: records, summary, models and, by `report`, what they look like."""
    run.summary["out"] = str(out)
    run.save(out)
    explanation = Explanation.of(federation.experiment.model, federation.dataset, federation.model)
    with writing(out):
        for name, vector in run.models.items():
            save_model(out / "models" / model_file(name), vector, explanation)
        if run.averaged is not None:
            save_model(out / "models" / "averaged.safetensors", run.averaged, explanation)
