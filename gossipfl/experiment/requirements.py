"""What a stress campaign must reach: `accuracy_worst >= 0.9`, judged cell by cell.

Rules:
- A measure is judged by its mean over the seeds of a cell; `min(...)` or `max(...)` around it asks for
  every seed.
- Which measures there are is not known here: a campaign tells it once it knows its data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import ge, gt, le, lt

_FORM = re.compile(
    r"\s*(?:(min|max|mean)\s*\(\s*([\w-]+)\s*\)|([\w-]+))\s*(>=|<=|>|<)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*(%?)\s*",
    re.IGNORECASE,
)
_HOLDS: dict[str, Callable[[float, float], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
ADVICE = 'write it as MEASURE >= NUMBER or MEASURE <= NUMBER, such as "accuracy_worst >= 0.9"'


@dataclass(frozen=True, slots=True)
class Requirement:
    """One bound on one measure of cells."""

    text: str
    measure: str
    over: str
    """`mean`, `min` or `max` over the seeds."""
    sign: str
    limit: float
    scenario: str | None = None
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(axis, labels) of the cells that it is for; all without it."""

    def holds(self, value: float) -> bool:
        """Whether `value` is within the bound; NaN is not."""
        return _HOLDS[self.sign](value, self.limit)

    def shortfall(self, value: float) -> float:
        """By how much `value` is beyond the bound: above 0 where it is missed, infinite for NaN."""
        if math.isnan(value):
            return math.inf
        return self.limit - value if self.sign[0] == ">" else value - self.limit


def parse_requirement(text: str) -> Requirement:
    """`text` as a requirement of all cells. Raises `ValueError` with the form that it should have."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is no requirement: {ADVICE}')
    over, inner, plain, sign, number, percent = found.groups()
    try:
        limit = float(number) / (100 if percent else 1)
    except ValueError:
        raise ValueError(f'"{text}" is no requirement: {ADVICE}') from None
    return Requirement(" ".join(text.split()), inner or plain, (over or "mean").lower(), sign, limit)
