"""Bugs that are put in on purpose, in this process alone, to see whether they are found."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from gossipfl.learn.contracts import Array, Heard
from gossipfl.protocol import acquaintance, admission, conversation, inbox, patience, weighing
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.notary import Sealed
from gossipfl.protocol.round_peer import RoundPeer


class Plant(NamedTuple):
    """What of `owner` is replaced, and what is wrong with it then."""

    owner: Any
    attribute: str
    instead: Any
    wrong: str


_mixed = weighing.mixed
_born: Callable[..., None] = RoundPeer.__init__


def _mixed_beside_all_of_its_own(taken: list[Taken], weights: Array) -> Heard:
    heard = _mixed(taken, weights)
    return heard._replace(own_weight=heard.own_weight * 0 + 1.0)


def _median(round: int, places: Collection[int]) -> int:
    return sorted(places)[(len(places) - 1) // 2] if places else round


def _in_the_first_life(self: RoundPeer, *words: Any, **named: Any) -> None:
    _born(self, *words, **{**named, "epoch": 0})


PLANTS = {
    "replays-pass": Plant(admission.ReplayWindow, "check", lambda *_: None, "the replay window is not asked"),
    "lives-forgotten": Plant(RoundPeer, "__init__", _in_the_first_life, "sequences begin anew after a crash"),
    "nan-passes": Plant(admission, "check_values", lambda _: None, "what is not finite is averaged"),
    "own-counts-whole": Plant(
        conversation, "mixed", _mixed_beside_all_of_its_own, "the weights sum to more than 1"
    ),
    "rounds-go-back": Plant(acquaintance, "caught_up", _median, "a peer ahead of others joins them"),
    "runs-ahead": Plant(
        acquaintance.Acquaintances,
        "most_are_behind",
        lambda *_: False,
        "nobody waits for those it left behind",
    ),
    "no-patience": Plant(patience.Patience, "wait_s", lambda _: 1e6, "a barrier that one peer can hold"),
    "forgeries-pass": Plant(Sealed, "certain", lambda *_: True, "nobody looks who signed a proof"),
    "inbox-hoards": Plant(inbox, "WAITING_MAX", 1_000_000, "all that was heard is kept"),
}


def put_in(name: str | None) -> None:
    """Put the bug `name` into this process, for good."""
    if name is not None:
        plant = PLANTS[name]
        setattr(plant.owner, plant.attribute, plant.instead)
