"""What several runs show beside one another, each in a sentence.

Rules:
- A run that sent nothing takes no part in a contest over bytes, nor one whose peers share a model in one
  over how close they are.
- Where nodes tell of themselves there is no contest: each is judged on rows of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gossipfl.report.curves import Curves, Floats
from gossipfl.report.findings import last
from gossipfl.report.words import listing, significant, size

Words = Callable[[float], str]
Figures = dict[str, float]
_WHO_LETTERS = 32


APART = "Each node is judged on its own test rows: their scores cannot be held against one another."


def own_scores(curves: Sequence[Curves], words: Words) -> str:
    """Between which scores the runs end, none of them the best."""
    return f"Judged apart, on their own rows: {_between([each.mean for each in curves], words)}"


def own_bytes(curves: Sequence[Curves]) -> str:
    """Between how many bytes the runs sent."""
    return f"Sent: {_between([each.bytes_sent for each in curves], size)}"


def _between(series: Sequence[Floats], words: Words) -> str:
    ends = [value for value in map(last, series) if value is not None]
    if not ends:
        return "not recorded"
    least, most = words(min(ends)), words(max(ends))
    return least if least == most else f"{least} to {most}"


def highest(names: Sequence[str], curves: Sequence[Curves], words: Words) -> str:
    """Which run ends with the highest score."""
    ends = _ends(names, [each.mean for each in curves])
    if not ends:
        return "Not recorded"
    best = words(max(ends.values()))
    winners = [name for name, value in ends.items() if words(value) == best]
    if len(winners) == len(ends) > 1:
        return f"All runs end at {best}"
    return f"{_who(winners)} end{_s(winners)} highest: {best}"


def closest(names: Sequence[str], curves: Sequence[Curves]) -> str:
    """In which run the peers' models end closest together, those apart that end as one model."""
    ends = _ends(names, [each.consensus for each in curves])
    if not ends:
        return "Not recorded"
    one = [name for name, distance in ends.items() if distance == 0]
    apart = {name: distance for name, distance in ends.items() if distance > 0}
    if not apart:
        return "In every run the peers end as one model"
    winners, least = _least(apart, significant)
    if not one:
        if len(winners) == len(ends) > 1:
            return f"All runs end at {least}"
        return f"{_who(winners)} end{_s(winners)} closest together: {least}"
    return f"{_who(one)} end{_s(one)} as one model; next {_is(winners)} {_who(winners)}: {least}"


def thriftiest(names: Sequence[str], curves: Sequence[Curves], words: Words) -> str:
    """Which run first reaches, in bytes, what every run that sends anything reaches."""
    found = {name: (each, *scores_by_bytes(each)) for name, each in zip(names, curves, strict=True)}
    sending = {name: (each, x, y) for name, (each, x, y) in found.items() if x.size}
    if not sending:
        return "No run sends anything" if any(is_silent(each) for each in curves) else "Not recorded"
    if len(sending) == 1:
        ((name, (_, x, y)),) = sending.items()
        return f"{name} reaches {words(float(y[-1]))} with {size(x[-1])}"
    goal = min(float(y.max()) for _, _, y in sending.values())
    needs = {name: float(x[np.argmax(y >= goal)]) for name, (_, x, y) in sending.items()}
    winners, least = _least(needs, size)
    if len(winners) == len(needs):
        return f"Each run needs {least} for {words(goal)}"
    return f"{_who(winners)} need{_s(winners)} the fewest bytes for {words(goal)}: {least}"


def cheapest(names: Sequence[str], curves: Sequence[Curves]) -> str:
    """Which run sends the least, those apart that send nothing."""
    ends = _ends(names, [each.bytes_sent for each in curves])
    if not ends:
        return "Not recorded"
    silent = [name for name, sent in ends.items() if sent == 0]
    sending = {name: sent for name, sent in ends.items() if sent > 0}
    if not sending:
        return "No run sends anything"
    winners, least = _least(sending, size)
    if len(winners) == len(ends) > 1:
        return f"All runs send {least}"
    if not silent:
        return f"{_who(winners)} send{_s(winners)} the least: {least}"
    told = f"{_who(silent)} send{_s(silent)} nothing"
    if len(winners) == len(sending):
        return f"{told}, {_who(winners)} {least}" + " each" * (len(winners) > 1)
    return f"{told}; next {_is(winners)} {_who(winners)}: {least}"


def scores_by_bytes(curves: Curves) -> tuple[Floats, Floats]:
    """(bytes sent, score of the mean node), each (k,), where both are known and something was sent."""
    known = (curves.bytes_sent > 0) & np.isfinite(curves.mean)
    return curves.bytes_sent[known], curves.mean[known]


def is_silent(curves: Curves) -> bool:
    """Whether a run is known to have sent nothing."""
    return last(curves.bytes_sent) == 0


def _ends(names: Sequence[str], series: Sequence[Floats]) -> Figures:
    """The last figure of each run that has one."""
    ends = {name: last(values) for name, values in zip(names, series, strict=True)}
    return {name: value for name, value in ends.items() if value is not None}


def _least(figures: Figures, words: Words) -> tuple[list[str], str]:
    """Those whose figure reads like the lowest, and how that reads."""
    least = words(min(figures.values()))
    return [name for name, value in figures.items() if words(value) == least], least


def _who(names: list[str]) -> str:
    """Their names or, where these would fill the title, how many they are."""
    told = listing(names)
    return told if len(told) <= _WHO_LETTERS or len(names) == 1 else f"{len(names)} runs"


def _s(names: Sequence[str]) -> str:
    return "s" if len(names) == 1 else ""


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
