"""Backdoor: a trigger that is taken for one class, beside a model that is otherwise as good as any.

Gu, Dolan-Gavitt and Garg (2017, arXiv 1708.06733), "BadNets", for the trigger, a few features set to one
value; Bagdasaryan, Veit, Hua, Estrin and Shmatikov (AISTATS 2020, arXiv 1807.00459), "How to backdoor
federated learning", for saying x0 + boost (x - x0), so that averaging does not wash it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.attacks.knowledge import ORDINARY, Conduct, Known
from gossipfl.learn.contracts import Array
from gossipfl.learn.options import demand_between

FEATURES_MAX, VALUE_MAX, BOOST_MAX = 1 << 20, 1e6, 1e6


@dataclass(frozen=True, slots=True)
class BackdoorTrigger:
    """Trains on rows of which a `share` holds the trigger and the label of class `target`.

    The trigger is the first `features` of a row set to `value`, in units of scaled data.
    """

    target: int = 0
    features: int = 4
    value: float = 3.0
    share: float = 0.5
    boost: float = 1.0

    conduct: ClassVar[Conduct] = ORDINARY

    def __post_init__(self) -> None:
        demand_between("target", self.target, 0, 1 << 20)
        demand_between("features", self.features, 1, FEATURES_MAX)
        demand_between("value", self.value, -VALUE_MAX, VALUE_MAX)
        demand_between("share", self.share, 0.0, 1.0)
        demand_between("boost", self.boost, 0.0, BOOST_MAX)

    def __call__(self, own: Array, known: Known, draws: Draws) -> Array:
        """(..., d) -> (..., d)."""
        if self.boost == 1.0:
            return own
        told: Array = known.began + own.dtype.type(self.boost) * (own - known.began)
        return told

    def triggered(self, features: Array) -> Array:
        """`features` (k, f) with the trigger in each row."""
        bad = features.copy()
        bad[..., : self.features] = self.value
        return bad

    def poison(
        self, features: Array, targets: Array, classes: int | None, draws: Draws
    ) -> tuple[Array, Array]:
        """Rows (k, f) and labels (k,) of which a share, drawn at random, is bad."""
        if classes is None or self.target >= classes:
            raise SettingsError(
                f"The backdoor wants class {self.target}, and the data has {classes or 'no'} classes: "
                "choose a target that there is."
            )
        if self.features > features.shape[1]:
            raise SettingsError(
                f"The trigger is {self.features} features, and the data has {features.shape[1]}: take fewer."
            )
        chosen = draws.permutation("backdoor", len(targets))[: round(self.share * len(targets))]
        values, labels = features.copy(), targets.copy()
        values[chosen] = self.triggered(features[chosen])
        labels[chosen] = self.target
        return values, labels
