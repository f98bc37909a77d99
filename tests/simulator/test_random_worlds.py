"""Random small worlds with every fault at once: what must hold whatever happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import World, random_graph

from gossipfl.draws import Draws
from gossipfl.simulator.faults import Schedule

ROUNDS, CALM, PEERS_MAX = 40, 15, 12


def random_world(seed: int) -> World:
    """Loss, jitter, a slow peer, a kill and a restart; in later rounds training and loss rest."""
    draws = Draws(seed, round=7)
    chance = draws.uniform("world", 8)
    peers = 3 + int(chance[0] * (PEERS_MAX - 2))
    slow = {int(chance[1] * peers): 1.0 + 20.0 * chance[2]} if chance[3] < 0.5 else {}
    killed = int(chance[4] * peers)
    schedule = Schedule(
        kills={killed: 1 + int(chance[5] * 10)} if chance[6] < 0.7 else {},
        restarts={killed: 3 + int(chance[5] * 12)} if chance[7] < 0.7 else {},
    )
    return World(
        random_graph(peers, draws),
        rounds=ROUNDS,
        seed=seed,
        latency_s=0.05,
        jitter_s=0.5 * float(chance[2]),
        loss=0.3 * float(chance[3]),
        slow=slow,
        schedule=schedule,
        calm_after=CALM,
        samples=[1 + int(word % 50) for word in draws.words("samples", peers)],
    )


@pytest.mark.parametrize("seed", range(40))
def test_in_a_random_world_every_live_peer_finishes_with_a_sound_model(seed: int) -> None:
    """Inside, each step checks that rounds grow, that weights sum to 1, and each use that it is the first."""
    world = random_world(seed).run()
    gone = {peer for peer in world.killed if peer not in world.schedule.restarts}
    assert world.network.finished == set(range(len(world.neighbours))) - gone
    assert np.isfinite(world.models).all()
    assert {refused.reason for _, refused in world.refused} <= {"stale"}
    rounds = [record.round for closed in world.closed.values() for _, record in closed]
    assert max(rounds) == ROUNDS
    for closed in world.closed.values():
        assert all(now >= 0 and record.heard + record.missing >= 1 for now, record in closed)


@pytest.mark.parametrize("seed", range(40, 52))
def test_the_same_seed_gives_the_same_events_and_models(seed: int) -> None:
    once, again = random_world(seed).run(), random_world(seed).run()
    assert once.network.trace_hash == again.network.trace_hash
    assert once.models.tobytes() == again.models.tobytes()
    other = replace(random_world(seed), seed=seed + 1_000, jitter_s=0.1).run()
    assert other.network.trace_hash != once.network.trace_hash


@pytest.mark.parametrize("seed", range(52, 64))
def test_once_training_rests_the_peers_come_to_agree(seed: int) -> None:
    world = replace(random_world(seed), rounds=120, slow={}, loss=0.0, samples=()).run()
    models = world.models
    assert np.ptp(models, axis=0).max() < 1e-3 * np.abs(models).max()
