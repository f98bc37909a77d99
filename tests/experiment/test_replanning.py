"""A schedule that is planned anew gives the same models in a network and in a crowd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gossipfl


@pytest.mark.parametrize(
    ("kind", "peers", "kill"),
    [("base", 9, ["3@4", "5@4"]), ("base", 9, ["4@6", "1@9"]), ("one-peer-exponential", 8, ["2@5"])],
)
def test_peers_killed_are_planned_without_by_network_and_crowd_alike(
    kind: str, peers: int, kill: list[str]
) -> None:
    settings: dict[str, Any] = {
        "topology": {"kind": kind, "peers": peers},
        "data": {"dataset": "wine"},
        "model": {"dtype": "float64"},
        "learning": {"rounds": 25, "epochs": 1},
        "faults": {"kill": kill},
    }
    network, crowd = gossipfl.simulate(**settings), gossipfl.simulate(**settings, engine="crowd")
    assert network.models.keys() == crowd.models.keys()
    assert all(np.array_equal(network.models[name], crowd.models[name]) for name in network.models)
