"""Attacks: what hostile peers say, hold, or do, by the names that settings call them.

knowledge.py   what attackers know, how they behave, what an attack is
sign_flip.py, gauss.py, alie.py, inner_product.py, mimic.py, not_finite.py   something else is said to all
dissensus.py, equivocation.py   each neighbour is told something else
label_flip.py, backdoor.py      rows are bad, words are what comes of them
free_rider.py, stale.py         nothing new is said
replay.py, flood.py             messages are too many
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.attacks.alie import Alie
from gossipfl.learn.attacks.backdoor import BackdoorTrigger
from gossipfl.learn.attacks.dissensus import Dissensus
from gossipfl.learn.attacks.equivocation import Equivocation
from gossipfl.learn.attacks.flood import Flood
from gossipfl.learn.attacks.free_rider import FreeRider
from gossipfl.learn.attacks.gauss import Gauss
from gossipfl.learn.attacks.inner_product import InnerProduct
from gossipfl.learn.attacks.knowledge import (
    Attack,
    Backdoor,
    Conduct,
    Known,
    Poison,
    Target,
    conduct_of,
)
from gossipfl.learn.attacks.label_flip import LabelFlip
from gossipfl.learn.attacks.mimic import Mimic
from gossipfl.learn.attacks.not_finite import NotFinite
from gossipfl.learn.attacks.replay import Replay
from gossipfl.learn.attacks.sign_flip import SignFlip
from gossipfl.learn.attacks.stale import Stale
from gossipfl.learn.options import checked

__all__ = [
    "ATTACKS",
    "Attack",
    "Backdoor",
    "Conduct",
    "Known",
    "Poison",
    "Target",
    "build_attack",
    "conduct_of",
    "kind_named",
]


@dataclass(frozen=True, slots=True)
class AttackKind:
    """An attack by name: how it is built, and what a person needs to know to choose it."""

    build: Any
    paper: str
    purpose: str

    @property
    def options(self) -> dict[str, Any]:
        """What can be chosen of it, with the defaults."""
        return {field.name: field.default for field in dataclasses.fields(self.build)}


ATTACKS: Mapping[str, AttackKind] = {
    "sign-flip": AttackKind(
        SignFlip, "Li et al. 2019, arXiv 1811.03761", "says the opposite of its model, or of its update"
    ),
    "gauss": AttackKind(Gauss, "Blanchard et al. 2017, NeurIPS", "says noise about the honest mean"),
    "alie": AttackKind(
        Alie,
        "Baruch et al. 2019, arXiv 1902.06156",
        "says what lies within the spread of honest words, all attackers the same: a little is enough",
    ),
    "ipm": AttackKind(
        InnerProduct,
        "Xie et al. 2019, arXiv 1903.03936",
        "says the opposite of the honest mean: inner product manipulation",
    ),
    "dissensus": AttackKind(
        Dissensus,
        "He et al. 2022, arXiv 2202.01545",
        "tells each neighbour what undoes the pull of its honest neighbours",
    ),
    "mimic": AttackKind(
        Mimic,
        "Karimireddy et al. 2022, arXiv 2006.09365",
        "repeats the honest peer that stands out most, so that it counts for many",
    ),
    "label-flip": AttackKind(LabelFlip, "Fang et al. 2020, arXiv 1911.11815", "trains on false labels"),
    "backdoor": AttackKind(
        BackdoorTrigger,
        "Gu et al. 2017, arXiv 1708.06733; Bagdasaryan et al. 2020, arXiv 1807.00459",
        "wants a trigger to be taken for one class, and the model to be good otherwise",
    ),
    "free-rider": AttackKind(
        FreeRider, "Fraboni et al. 2021, arXiv 2006.11901", "trains nothing, and says what it heard"
    ),
    "stale": AttackKind(Stale, "Xie et al. 2019, arXiv 1903.03934", "says old models as if they were new"),
    "replay": AttackKind(Replay, "Syverson 1994, CSFW", "says old updates again, as they were signed"),
    "equivocation": AttackKind(
        Equivocation,
        "Lamport et al. 1982, ACM TOPLAS",
        "tells half of its neighbours its model, the other half the opposite",
    ),
    "nan": AttackKind(
        NotFinite, "Blanchard et al. 2017, NeurIPS", "says values that are NaN, infinite, and huge, in turn"
    ),
    "flood": AttackKind(Flood, "Needham 1994, SIGCOMM CCR", "says each update very many times"),
}


def kind_named(name: str) -> AttackKind:
    """What is known of the attack called `name`. Raises `SettingsError`."""
    if name not in ATTACKS:
        raise SettingsError(f"There is no attack {name!r}: {instead(name, ATTACKS)}")
    return ATTACKS[name]


def build_attack(name: str, options: Mapping[str, Any] | None = None) -> Attack:
    """The attack called `name`. Names and options unknown, or out of their limits, raise `SettingsError`."""
    kind = kind_named(name)
    attack: Attack = kind.build(**checked(f"attack {name!r}", options or {}, kind.options))
    return attack
