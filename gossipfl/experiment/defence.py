"""How the peers of a run combine what they hear, and whether each hears enough for that.

Rules:
- Bounds hold for each neighbourhood: every peer is checked, in every round of a schedule that repeats, and in
  the first rounds of one that does not. Later a peer that hears too few keeps its own.
- Peers at their own pace hear one neighbour at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gossipfl.errors import SettingsError
from gossipfl.experiment.meeting import Meeting
from gossipfl.experiment.settings import RobustSettings
from gossipfl.learn.contracts import Aggregator
from gossipfl.learn.robust.catalogue import DEFAULT_RULE, MEAN, build_rule, least_heard, most_attackers

FEARED = 1 / 3
"""The part of the smallest neighbourhood that may be hostile, if nobody says. Our guess: a peer that fears as
many as its rule stands at most takes in nothing as soon as one update is lost."""

ROUNDS_CHECKED = 16
"""So many rounds of a schedule that never repeats are looked at before it begins."""


class Neighbourhoods(NamedTuple):
    """Of each peer its name, and the fewest neighbours that it hears in a round, (n,)."""

    names: tuple[str, ...]
    heard: np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Defence:
    """The rule of a run, and how many attackers among a peer's neighbours it stands."""

    rule: str = MEAN
    attackers: int = 0
    aggregator: Aggregator | None = None

    def record(self) -> dict[str, Any]:
        """What a summary says of it: nothing of the plain mean."""
        if self.rule == MEAN:
            return {}
        return {"robust": {"rule": self.rule, "attackers": self.attackers}}


def defence_of(settings: RobustSettings, hears: Neighbourhoods) -> Defence:
    """The defence that `settings` describe.

    Raises `SettingsError` for a peer that hears too few neighbours for it.
    """
    rule, attackers, options = settings.rule, settings.attackers, settings.options
    if rule == "auto":
        rule = DEFAULT_RULE if attackers else MEAN
    if rule == MEAN:
        build_rule(rule, attackers or 0, options)
        return Defence()
    if attackers is None:
        fewest = int(hears.heard.min())
        attackers = max(1, min(int(FEARED * fewest), most_attackers(rule, fewest, options)))
    aggregator = build_rule(rule, attackers, options)
    _refuse_few(rule, attackers, options, hears)
    return Defence(rule, attackers, aggregator)


def refuse_beside_objects(settings: RobustSettings) -> None:
    """Raise `SettingsError` for `settings` that say something where an object is given in their place."""
    if settings != RobustSettings():
        raise SettingsError(
            "An Algorithm or an Aggregator of your own combines by itself: leave out robust, or the object."
        )


def neighbourhoods(meeting: Meeting, rounds: int) -> Neighbourhoods:
    """Those of a run of so many rounds."""
    names, schedule = meeting.topology.names, meeting.schedule
    if schedule is None:
        return Neighbourhoods(names, meeting.topology.degrees)
    checked = min(rounds, schedule.period or ROUNDS_CHECKED)
    heard = [_heard_in(schedule.mixing(round)) for round in range(1, checked + 1)]
    return Neighbourhoods(schedule.names, np.min(heard, axis=0))


def listed(name: str, peers: int) -> Neighbourhoods:
    """That of one node which hears all whom it lists."""
    return Neighbourhoods((name,), np.array([peers]))


def in_turn(hears: Neighbourhoods) -> Neighbourhoods:
    """The same where neighbours are heard one at a time."""
    return hears._replace(heard=np.minimum(hears.heard, 1))


def _heard_in(matrix: Any) -> np.ndarray[Any, Any]:
    """How many others each peer hears in a round with this mixing matrix."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    apart = (matrix.indices != rows) & (matrix.data != 0)
    return np.bincount(rows[apart], minlength=matrix.shape[0])


def _refuse_few(rule: str, attackers: int, options: dict[str, Any], hears: Neighbourhoods) -> None:
    wanted = least_heard(rule, attackers, options)
    few = np.flatnonzero(hears.heard < wanted)
    if not len(few):
        return
    first = int(few[np.argmin(hears.heard[few])])
    heard = int(hears.heard[first])
    others = f", and {len(few) - 1} others hear too few" if len(few) > 1 else ""
    fewer = most_attackers(rule, heard, options)
    lower = f"robust.attackers = {fewer}" if fewer else "another robust.rule, or none"
    raise SettingsError(
        f'Peer "{hears.names[first]}" hears {heard} {"neighbour" if heard == 1 else "neighbours"} in a round'
        f'{others}: to stand {attackers} {"attacker" if attackers == 1 else "attackers"} the rule "{rule}" '
        f"needs {wanted}, so give each peer {wanted} neighbours or more, or take {lower}."
    )
