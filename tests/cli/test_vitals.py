"""How a node does is told from where each count is kept."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from gossipfl.cli.company import Company
from gossipfl.cli.pulse import Pulse
from gossipfl.cli.vitals import Vitals, vitals
from gossipfl.node.link import Heard
from gossipfl.protocol.acquaintance import Presence, Sight
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster

OTHERS = tuple(
    Neighbour(f"n{i}", Address("127.0.0.1", 7400 + i), Identity(bytes([i]) * 32).key) for i in (1, 2, 3)
)
ROSTER = Roster("a", Identity(b"\4" * 32).key, OTHERS)
ONE, TWO, THREE = (peer.number for peer in OTHERS)


def look(sights: dict[int, Sight], **journal: Any) -> Vitals:
    usual = {"silent": set(), "metrics": {}, "pulse": Pulse(60.0), "round": 7, "company": Company()}
    told: dict[str, Any] = {**usual, **journal}
    kept: Any = SimpleNamespace(
        **told, updates=Counter(), refused=Counter(replay=1), refusals=(), traffic=lambda: {"bytes_sent": 9}
    )
    links: Any = SimpleNamespace(
        neighbours=ROSTER.neighbours,
        shut_out={THREE},
        heard=Heard(2, 300),
        refused=Counter(replay=2, slow=1),
    )

    async def asked() -> Vitals:
        return vitals(ROSTER, 5, 30, kept, links, sights)

    return trio.run(asked)


def test_a_link_that_is_silent_is_suspected_before_rounds_are_missed() -> None:
    here, gone = Sight(Presence.HERE, 5), Sight(Presence.GONE, None)
    told = look({ONE: here, TWO: here, THREE: gone}, silent={TWO, THREE})
    assert [seen.presence for seen in told.neighbours] == ["here", "suspected", "gone"]
    assert [seen.lag for seen in told.neighbours] == [2, 2, None]
    assert [seen.shut_out for seen in told.neighbours] == [False, False, True]


def test_counts_of_the_links_and_of_the_peer_are_added_up() -> None:
    told = look(dict.fromkeys((ONE, TWO, THREE), Sight(Presence.HERE, 8)))
    assert told.refused == {"replay": 3, "slow": 1}
    assert told.traffic == {"bytes_sent": 9, "messages_received": 2, "bytes_received": 300}
    assert [seen.lag for seen in told.neighbours] == [0, 0, 0]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_model_that_diverged_is_trouble(loss: float) -> None:
    sights = dict.fromkeys((ONE, TWO, THREE), Sight(Presence.HERE, 7))
    assert look(sights, metrics={"accuracy": 0.1, "loss": 0.7}).trouble == ""
    told = look(sights, metrics={"accuracy": 0.1, "loss": loss})
    assert told.trouble == "the model diverged: its loss is not a finite number"


def test_a_node_that_all_neighbours_turn_away_is_in_trouble() -> None:
    sights = dict.fromkeys((ONE, TWO, THREE), Sight(Presence.GONE, None))
    company = Company()
    company.turned_away("n1", "refused-us", "It refused us (manifest): The two sides differ in: rounds.")
    told = look(sights, company=company)
    assert told.trouble.startswith("no neighbour is here; n1 refuses this node: It refused us (manifest)")
    company.came("n2")
    assert look(sights, company=company).trouble == ""
