"""The names by which settings call rules, what is known of each, and how many attackers each stands.

Rules:
- A prefix, "nnm+" or "bucketing+", stands before the name of any rule that judges by vectors alone, or before
  another prefix.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.contracts import Aggregator, Judging, Robust
from gossipfl.learn.options import checked
from gossipfl.learn.robust.balance import Balance
from gossipfl.learn.robust.bucketing import Bucketing
from gossipfl.learn.robust.clipping import Clipping
from gossipfl.learn.robust.geometric_median import GeometricMedian
from gossipfl.learn.robust.krum import Krum, MultiKrum
from gossipfl.learn.robust.median import Median
from gossipfl.learn.robust.nearby import Nearby
from gossipfl.learn.robust.nna import NearestNeighbours
from gossipfl.learn.robust.nnm import NearestMixing
from gossipfl.learn.robust.trimmed_mean import TrimmedMean
from gossipfl.learn.robust.ubar import Ubar

DEFAULT_RULE = "nearby"
"""What "auto" is where there may be attackers: see docs/settings.md."""

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class RuleKind:
    """A rule, or a prefix, by name: how it is built, and what a person needs to know to choose it."""

    build: Callable[..., Robust]
    paper: str
    purpose: str
    takes: str
    """How many neighbours k it takes for f attackers."""

    @property
    def options(self) -> dict[str, Any]:
        """What may be said of it, with the defaults."""
        return {
            field.name: field.default
            for field in dataclasses.fields(self.build)  # type: ignore[arg-type]
            if field.name not in ("attackers", "rule")
        }


RULES: dict[str, RuleKind] = {
    "nearby": RuleKind(
        Nearby,
        "after Farhadkhani et al. 2023, arXiv 2209.10931",
        "the mean with all neighbours that do not stand out: costs next to nothing where nobody attacks",
        "k >= 2f",
    ),
    "trimmed-mean": RuleKind(
        TrimmedMean,
        "Yin et al. 2018, arXiv 1803.01498",
        "each coordinate without its least and greatest values",
        "k >= 2f",
    ),
    "median": RuleKind(
        Median, "Yin et al. 2018, arXiv 1803.01498", "the middle of each coordinate", "k >= 2f"
    ),
    "krum": RuleKind(
        Krum, "Blanchard et al. 2017, arXiv 1703.02757", "the one vector nearest to the others", "k >= 2f + 3"
    ),
    "multi-krum": RuleKind(
        MultiKrum,
        "Blanchard et al. 2017, arXiv 1703.02757",
        "the mean of the vectors nearest to the others",
        "k >= 2f + 3",
    ),
    "geometric-median": RuleKind(
        GeometricMedian,
        "Pillutla et al. 2022, arXiv 1912.13445",
        "the point nearest to all",
        "k >= 2f",
    ),
    "clipping": RuleKind(
        Clipping,
        "He et al. 2022, arXiv 2202.01545",
        "differences to the own vector, cut to a radius; keeps mixing weights as they are",
        "k >= 2f",
    ),
    "nna": RuleKind(
        NearestNeighbours,
        "Farhadkhani et al. 2023, arXiv 2209.10931",
        "the mean with the nearest neighbours, at little cost",
        "k >= 2f",
    ),
    "ubar": RuleKind(
        Ubar,
        "Guo et al. 2022, arXiv 2002.08569",
        "the nearest neighbours that do well on the own rows: like data",
        "k >= 2f",
    ),
    "balance": RuleKind(
        Balance,
        "Fang et al. 2024, arXiv 2406.10416",
        "neighbours within some own steps of training: for few neighbours, and any number of attackers",
        "k >= 1",
    ),
}

PREFIXES: dict[str, RuleKind] = {
    "nnm": RuleKind(
        NearestMixing,
        "Allouah et al. 2023, arXiv 2302.01772",
        "each vector mixed with its nearest first: unlike data",
        "k >= 2f, and what the rule takes",
    ),
    "bucketing": RuleKind(
        Bucketing,
        "Karimireddy et al. 2022, arXiv 2006.09365",
        "means of a few neighbours first",
        "`size` times what the rule takes",
    ),
}


def build_rule(name: str, attackers: int, options: Mapping[str, Any] | None = None) -> Aggregator:
    """The rule called `name`, such as "nnm+trimmed-mean", against so many `attackers` among the neighbours.

    `options` are those of the rule and of its prefixes. Raises `SettingsError`.
    """
    given = dict(options or {})
    if name == MEAN:
        if given or attackers:
            raise SettingsError(
                'The rule "mean" stands no attacker and takes no options: name a robust rule, or leave out '
                "robust.attackers and robust.options."
            )
        return WeightedMean()
    *prefixes, last = name.split("+")
    kinds = [_known(last, RULES, name), *(_known(prefix, PREFIXES, name) for prefix in reversed(prefixes))]
    defaults = {option: value for kind in kinds for option, value in kind.options.items()}
    checked(f"rule {name!r}", given, defaults)
    rule = kinds[0].build(attackers=attackers, **_of(kinds[0], given))
    for kind in kinds[1:]:
        if isinstance(rule, Judging) and rule.asks_losses:
            raise SettingsError(
                f'The rule "{last}" judges vectors as they were said, so nothing can stand before it: take '
                f'"{last}" alone.'
            )
        rule = kind.build(rule, **_of(kind, given))
    return rule


def least_heard(name: str, attackers: int, options: Mapping[str, Any] | None = None) -> int:
    """How many neighbours the rule called `name` must hear to stand so many `attackers` among them."""
    rule = build_rule(name, attackers, options)
    return rule.least_heard if isinstance(rule, Robust) else 0


def most_attackers(name: str, heard: int, options: Mapping[str, Any] | None = None) -> int:
    """How many attackers among so many neighbours the rule called `name` stands."""
    return max((f for f in range(1, heard + 1) if least_heard(name, f, options) <= heard), default=0)


def _of(kind: RuleKind, given: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in given.items() if option in kind.options}


def _known(name: str, kinds: Mapping[str, RuleKind], whole: str) -> RuleKind:
    if name in kinds:
        return kinds[name]
    what = "rule" if kinds is RULES else "prefix"
    raise SettingsError(f"There is no {what} {name!r} for robust.rule = {whole!r}: {instead(name, kinds)}")
