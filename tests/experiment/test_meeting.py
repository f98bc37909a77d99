"""Who meets whom: what cannot work is refused with what does, and nothing that is said is ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.files import validate
from gossipfl.experiment.settings import Experiment

if TYPE_CHECKING:
    from gossipfl.protocol.round_peer import RoundPeer


def federation(kind: str, **learning: Any) -> Federation:
    table = {"topology": {"kind": kind, "peers": 8}, "data": {"dataset": "wine"}, "learning": learning}
    return build(validate(Experiment, table, "settings"))


@pytest.mark.parametrize(
    ("kind", "learning", "words"),
    [
        ("ring", {"algorithm": "relay"}, 'relays along a tree.*"path".*exact-diffusion'),
        ("base", {"algorithm": "exact-diffusion"}, "same graph in every round.*gradient-tracking"),
        ("directed-exponential", {"algorithm": "extra"}, "weigh each other alike.*push-sum"),
        ("base", {"algorithm": "choco", "compressor": "int8"}, "direct.*deepsqueeze"),
        ("torus", {"algorithm": "exact-diffusion", "options": {"lazy": False}}, "above -1/3.*lazy"),
        ("ring", {"algorithm": "extra", "weights": "fastest"}, "weighs neighbours by what they say"),
        ("ring", {"algorithm": "choco"}, "needs a compressor"),
        ("ring", {"compressor": "int8"}, "takes no compressor.*direct"),
        ("base", {"weights": "uniform"}, "learning.weights.*says what each peer counts"),
        ("base", {"algorithm": "push-sum", "weights": "fastest"}, "says what each peer counts"),
    ],
)
def test_a_combination_that_cannot_work_is_refused(kind: str, learning: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        federation(kind, **learning)


def test_push_sum_counts_samples_on_a_schedule_unless_told_otherwise() -> None:
    for weights, differs in (("samples", True), ("uniform", False)):
        peers = federation("one-peer-exponential", algorithm="push-sum", weights=weights)
        lives = [cast("RoundPeer", peers.new_peer(number, 0)) for number in range(8)]
        masses = {life._learner.state.mass.item() for life in lives}
        assert (len(masses) > 1) is differs


@pytest.mark.parametrize("weights", ["best-constant", "fastest"])
def test_chosen_weights_are_those_that_peers_mix_by(weights: str) -> None:
    chosen, claimed = federation("grid", weights=weights), federation("grid", weights="uniform")
    assert chosen.spectral_gap is not None
    assert claimed.spectral_gap is not None
    assert chosen.spectral_gap > claimed.spectral_gap
    row = chosen.targets(0).weights(1)
    assert row is not None
    assert set(row) == set(chosen.topology.neighbours(0))
