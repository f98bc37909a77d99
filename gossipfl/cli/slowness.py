"""Slower training, to see how a run bears slow peers: `gossipfl up` tells a node by how much as it starts it.

Rules:
- It is told in the environment, never in a node's file: no node of a consortium is slow by a setting.
- Training itself stays what it is; what is added is sleep, in the thread that trains.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array

SLOW = "GOSSIPFL_SLOW"
"""Such as "x20" or "x2,10-20x8": how many times longer training takes, always or in the rounds 10 to 20."""

TRAINING_S = "GOSSIPFL_TRAINING_S"
"""How many seconds a round of training takes at least, before it is slowed."""

Fit = Callable[[Array, int, Array | None], Array]

_PHASE = re.compile(r"(?:(\d+)-(\d+))?x(\d+(?:\.\d+)?)")


class Phase(NamedTuple):
    """From the round `first` to the round `last` training takes `factor` times longer; None: always."""

    factor: float
    first: int | None = None
    last: int | None = None


def environment(phases: Iterable[Phase], training_s: float = 0.0) -> dict[str, str]:
    """What to tell a node."""
    words = [f"{'' if p.first is None else f'{p.first}-{p.last}'}x{p.factor:.6f}" for p in phases]
    told = {SLOW: ",".join(words)} if words else {}
    return told | ({TRAINING_S: repr(training_s)} if training_s else {})


def slowed(
    fit: Fit,
    told: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> Fit:
    """`fit` as slow as the environment `told` says, or `fit` itself. Raises `SettingsError`."""
    phases, least_s = _read(told.get(SLOW, "")), _seconds(told.get(TRAINING_S, "0"))
    if not phases and not least_s:
        return fit

    def slow_fit(vector: Array, round: int, drift: Array | None) -> Array:
        began = clock()
        fitted = fit(vector, round, drift)
        needed_s = clock() - began
        sleep(max(0.0, factor_in(phases, round) * max(needed_s, least_s) - needed_s))
        return fitted

    return slow_fit


def factor_in(phases: Iterable[Phase], round: int) -> float:
    """How many times longer training takes in `round`."""
    factor = 1.0
    for phase in phases:
        if phase.first is None or phase.last is None or phase.first <= round <= phase.last:
            factor *= phase.factor
    return factor


def _read(text: str) -> list[Phase]:
    phases = []
    for word in filter(None, text.split(",")):
        if (found := _PHASE.fullmatch(word)) is None:
            raise SettingsError(f'Write {SLOW} as "x20" or "10-20x8", or unset it: it is "{text}".')
        first, last, factor = found.groups()
        phases.append(Phase(float(factor), *((int(first), int(last)) if first else (None, None))))
    return phases


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        raise SettingsError(f'Write {TRAINING_S} as seconds, or unset it: it is "{text}".') from None
