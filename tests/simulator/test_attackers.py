"""Attackers in both engines: what they say arrives, what is refused changes nothing, nobody honest pays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import gossipfl
from gossipfl.api import experiment_of
from gossipfl.draws import Draws
from gossipfl.engines import network_of, run_network
from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import Federation, build
from gossipfl.learn.attacks import ATTACKS, Conduct, Known, build_attack, conduct_of
from gossipfl.learn.contracts import Array
from gossipfl.protocol.admission import REPLAYS_MAX
from gossipfl.protocol.events import Record, RoundClosed
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults import PASS, Verdict
from gossipfl.testing import check_attack

PEERS, ROUNDS = 8, 4
SMALL: dict[str, Any] = {
    "topology": {"kind": "k-regular", "peers": PEERS, "degree": 4},
    "data": {"dataset": "wine", "split": "dirichlet"},
    "learning": {"rounds": ROUNDS, "epochs": 1},
}
UNWATCHED = {"quarantine": False}
"""So that whoever says two things of one round goes on to do so."""

IN_CROWDS = [
    name
    for name in ATTACKS
    if name != "nan" and not (conduct_of(build_attack(name)).each or name in ("replay", "flood"))
]


def federation_of(attack: dict[str, Any] | None = None, **sections: Any) -> Federation:
    return build(experiment_of({**SMALL, **sections, **({"attack": attack} if attack else {})}))


def run_of(attack: Any = None, **sections: Any) -> gossipfl.Run:
    return gossipfl.simulate(**{**SMALL, **sections, **({"attack": attack} if attack else {})})


@pytest.mark.parametrize("algorithm", ["dpsgd", "momentum", "combine-then-adapt"])
@pytest.mark.parametrize("name", IN_CROWDS)
def test_both_engines_agree_bit_for_bit_under_every_attack_that_tells_all_alike(
    name: str, algorithm: str
) -> None:
    sections: dict[str, Any] = {
        "model": {"dtype": "float64"},
        "learning": {**SMALL["learning"], "algorithm": algorithm},
    }
    attack = {"kind": name, "peers": 2, "from": 2}
    network = run_of(attack, **sections)
    crowd = run_of(attack, run={"engine": "crowd"}, **sections)
    assert network.models.keys() == crowd.models.keys()
    for peer, vector in network.models.items():
        np.testing.assert_array_equal(vector, crowd.models[peer])


def test_that_engines_agree_can_fail() -> None:
    """An attack that begins a round later is another run."""
    first, second = (run_of({"kind": "ipm", "peers": 2, "from": at}) for at in (2, 3))
    assert any(not np.array_equal(first.models[peer], second.models[peer]) for peer in first.models)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_runs_over_a_network_and_the_same_seed_gives_the_same_run(name: str) -> None:
    first, again = (run_of({"kind": name, "peers": 2}) for _ in range(2))
    assert first.summary["trace_hash"] == again.summary["trace_hash"]
    assert first.summary["finished"] == PEERS - 2
    assert len(first.summary["attackers"]) == 2
    assert first.summary["attack"] == name
    assert len(first.models) == PEERS - 2 == len(first.summary["accuracy_per_peer"])


@pytest.mark.parametrize("kind", ["alie", "dissensus", "stale"])
def test_peers_at_their_own_pace_can_be_attacked_too(kind: str) -> None:
    gossip = {"exchange": "push-pull"}
    sections: dict[str, Any] = {
        "gossip": gossip,
        "learning": {**SMALL["learning"], "algorithm": "pair-averaging"},
    }
    if kind == "dissensus":
        with pytest.raises(SettingsError, match="weights of a round"):
            run_of({"kind": kind, "peers": 2}, **sections)
        return
    assert run_of({"kind": kind, "peers": 2}, **sections).summary["finished"] == PEERS - 2


def watched(federation: Federation) -> tuple[list[tuple[PeerId, PeerId, Update]], dict[PeerId, Array]]:
    """What is said in a run, as it leaves the attackers' hands, and the models that come of it."""
    said: list[tuple[PeerId, PeerId, Update]] = []
    models: dict[PeerId, Array] = {}

    def listen(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if isinstance(message, Update):
            said.append((sender, to, message))
        return PASS

    def observe(peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, RoundClosed):
            models[peer] = record.vector

    network_of(federation, observe, lambda *_: None, (listen,)).run()
    return said, models


def test_attackers_have_heard_all_honest_words_of_the_round_when_they_speak() -> None:
    federation = federation_of({"kind": "ipm", "peers": 3, "options": {"epsilon": 1.0}})
    said, _ = watched(federation)
    hostile = set(federation.attackers)
    for round in range(1, ROUNDS + 1):
        words = {sender: update.payload[0] for sender, _, update in said if update.round == round}
        honest = np.stack([words[peer] for peer in sorted(set(words) - hostile)])
        for peer in hostile:
            np.testing.assert_allclose(words[peer], -honest.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_dissensus_keeps_its_victims_where_they_are() -> None:
    """With epsilon 1 the mix of each honest peer that has a hostile neighbour is what it said itself."""
    attack = {"kind": "dissensus", "peers": 2, "options": {"epsilon": 1.0}}
    federation = federation_of(attack, model={"dtype": "float64"}, robust=UNWATCHED)
    said, models = watched(federation)
    near = {
        peer
        for peer in federation.honest.tolist()
        if set(federation.topology.neighbours(peer)) & set(federation.attackers)
    }
    last = {sender: update.payload[0] for sender, _, update in said if update.round == ROUNDS}
    assert near
    for peer in near:
        np.testing.assert_allclose(models[peer], last[peer], rtol=1e-9, atol=1e-12)


def test_an_equivocator_says_two_things_of_one_round() -> None:
    attack = {"kind": "equivocation", "peers": [3], "options": {"scale": 1.0}}
    federation = federation_of(attack, robust=UNWATCHED)
    said, _ = watched(federation)
    for round in range(1, ROUNDS + 1):
        told = [update.payload[0] for sender, _, update in said if sender == 3 and update.round == round]
        kinds = Counter(bool(np.array_equal(one, told[0])) for one in told)
        assert kinds == {True: 2, False: 2}
        assert all(np.array_equal(np.abs(one), np.abs(told[0])) for one in told)


def test_a_free_rider_says_what_it_heard_and_nothing_of_its_own() -> None:
    federation = federation_of({"kind": "free-rider", "peers": [3]})
    said, _ = watched(federation)
    first = next(update for sender, _, update in said if sender == 3)
    np.testing.assert_array_equal(first.payload[0], federation.start())


def test_the_stubborn_hear_nobody() -> None:
    federation = federation_of({"kind": "label-flip", "peers": [3]})
    said, _ = watched(federation)
    own = {update.round: update.payload[0] for sender, _, update in said if sender == 3}
    alone = federation.start()
    for round in range(1, ROUNDS + 1):
        alone = federation.fit_many(np.array([3]), alone[None], round)[0]
        np.testing.assert_array_equal(own[round], alone)


def test_attackers_are_as_others_until_they_begin() -> None:
    federation = federation_of({"kind": "sign-flip", "peers": 2, "from": ROUNDS})
    plain = federation_of()
    both = [
        [update.payload[0] for _, _, update in watched(one)[0] if update.round < ROUNDS]
        for one in (federation, plain)
    ]
    key = [sorted(vector.tobytes() for vector in said) for said in both]
    assert key[0] == key[1]


# What is refused


def test_what_is_not_finite_is_refused_by_its_reason_and_changes_no_model() -> None:
    """Honest models are those of a crowd of which the attackers are no part."""
    sections: dict[str, Any] = {"model": {"dtype": "float64"}}
    run = run_of({"kind": "nan", "peers": [1, 5]}, **sections)
    here = ~np.isin(np.arange(PEERS), (1, 5))
    absent = gossipfl.simulate(**SMALL, **sections, engine="crowd", present=lambda _: here)
    assert set(run.summary["refused"]) <= {"non-finite", "huge"}
    assert sum(run.summary["refused"].values()) >= 2 * ROUNDS
    assert len(run.models) == PEERS - 2
    for peer, vector in run.models.items():
        np.testing.assert_array_equal(vector, absent.models[peer])


class WrongShape:
    """Says a model of another length; rules see no arrays, so that it is one of its own."""

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        if sender != 1 or not isinstance(message, Update):
            return PASS
        wrong = Update(
            message.round, message.epoch, message.sequence, 1, 1, (np.zeros(3, message.payload[0].dtype),)
        )
        return gossipfl.Instead((wrong,))


def test_a_wrong_shape_is_refused() -> None:
    run = run_network(federation_of(), (WrongShape(),))
    assert set(run.summary["refused"]) == {"layout"}
    assert 4 <= run.summary["refused"]["layout"] <= 4 * ROUNDS
    assert run.summary["finished"] == PEERS


def test_replays_are_refused_and_none_is_applied_twice() -> None:
    plain = run_of(model={"dtype": "float64"})
    replayed = run_of({"kind": "replay", "peers": 2}, model={"dtype": "float64"})
    assert set(replayed.summary["refused"]) == {"replay"}
    for peer, vector in replayed.models.items():
        np.testing.assert_array_equal(vector, plain.models[peer])


def heard_of(run: gossipfl.Run) -> list[int]:
    """How many neighbours each honest peer heard in each round."""
    hostile = run.summary["attackers"]
    return [r["heard"] for r in run.records if r["kind"] == "round" and r["peer"] not in hostile]


def test_a_flood_closes_links_and_costs_honest_peers_no_time() -> None:
    plain = run_of(model={"dtype": "float64"})
    flooded = run_of({"kind": "flood", "peers": 2, "options": {"copies": 1000}}, model={"dtype": "float64"})
    assert 0 < flooded.summary["refused"]["flood"] <= 2 * 4 * ROUNDS, "a link is closed once at a time"
    assert flooded.summary["refused"]["replay"] <= REPLAYS_MAX * flooded.summary["refused"]["flood"]
    assert flooded.summary["virtual_s"] <= 1.2 * plain.summary["virtual_s"]
    assert flooded.summary["finished"] == PEERS - 2
    assert all(heard >= 2 for heard in heard_of(flooded)), "the links of honest peers stay"


def test_a_crowd_says_so_where_attackers_say_what_is_refused() -> None:
    with pytest.raises(gossipfl.UserError, match="every peer refuses"):
        run_of({"kind": "nan", "peers": 2}, run={"engine": "crowd"})


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {*IN_CROWDS, "nan"}))
def test_a_crowd_refuses_what_it_cannot_honour(name: str) -> None:
    with pytest.raises(SettingsError, match="crowd"):
        run_of({"kind": name, "peers": 2}, run={"engine": "crowd"})


@pytest.mark.parametrize("algorithm", ["push-sum", "gradient-tracking"])
def test_words_that_are_no_models_cannot_be_taken_for_others(algorithm: str) -> None:
    learning = {**SMALL["learning"], "algorithm": algorithm}
    with pytest.raises(SettingsError, match="label-flip"):
        run_of({"kind": "alie", "peers": 2}, learning=learning)
    for name in ("label-flip", "free-rider", "replay"):
        assert run_of({"kind": name, "peers": 2}, learning=learning).summary["finished"] == PEERS - 2


# Objects


class Doubled:
    """Says twice the honest mean."""

    conduct = Conduct(stubborn=False)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        told: Array = np.broadcast_to(2 * known.honest.mean(axis=0), own.shape).astype(own.dtype)
        return told


def test_an_attack_of_the_users_own_takes_the_place_of_a_name() -> None:
    check_attack(Doubled())
    for attack in (Doubled(), {"kind": Doubled(), "peers": 2, "place": "hubs"}):
        run = run_of(attack)
        assert run.summary["attack"] == "given"
        assert len(run.summary["attackers"]) == (1 if isinstance(attack, Doubled) else 2)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (lambda own, *_: own[..., :1], "of shape"),
        (lambda *_: None, "NoneType"),
        (lambda own, *_: own.astype(np.float64), "float64"),
    ],
)
def test_an_attack_that_gives_no_models_is_refused_in_a_sentence(attack: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        run_of(attack)


def test_a_backdoor_is_measured_on_honest_peers() -> None:
    run = run_of({"kind": "backdoor", "peers": 3, "options": {"boost": 3.0}}, data={"dataset": "digits"})
    told = [record["backdoor_success"] for record in run.records if record["kind"] == "network"]
    assert len(told) == ROUNDS + 1
    assert told[-1] == run.summary["backdoor_success"]
    assert 0.0 <= told[-1] <= 1.0
    assert "Backdoor success" in run.table()
    assert "backdoor_success" not in run_of({"kind": "alie", "peers": 3}).summary
