"""A rule once one of the attackers is known: it is not heard any more, and there is one fewer to stand.

Rules:
- Else a peer that shut attackers out would hear too few to stand those whom it still fears, and keep its own
  vector for good.
"""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any, cast

from gossipfl.learn.contracts import Algorithm


def with_one_known(algorithm: Algorithm[Any]) -> Algorithm[Any]:
    """`algorithm` with a rule that stands one attacker fewer, if its aggregator says how many it stands.

    Whatever is no dataclass, as those of others need not be, stays as it is.
    """
    whole: Any = algorithm
    rule: Any = getattr(whole, "aggregator", None)
    if not (is_dataclass(whole) and is_dataclass(rule)) or getattr(rule, "attackers", 0) < 1:
        return algorithm
    changed: Any = replace(whole, aggregator=_fewer(rule))  # type: ignore[type-var]
    return cast("Algorithm[Any]", changed)


def _fewer(rule: Any) -> Any:
    """`rule`, or the one behind what mixes in front of it, with one attacker fewer."""
    if hasattr(rule, "rule"):
        return replace(rule, rule=_fewer(rule.rule))
    return replace(rule, attackers=rule.attackers - 1)
