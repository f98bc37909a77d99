"""What a campaign measures: the names, what each is, how it reads, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from gossipfl.report.words import NOTHING, count, duration, metric_label, score, share, significant, size

Words = Callable[[float], str]


class Measure(NamedTuple):
    """One of them."""

    label: str
    meaning: str
    words: Words
    higher_is_better: bool
    limits: tuple[float, float] = (0.0, math.inf)
    """What it can be at all."""


def measures(metric: str) -> dict[str, Measure]:
    """All measures of a campaign judged by `metric`, in the order in which they are read."""
    name, words = metric_label(metric), partial(score, metric=metric)
    points = partial(_points, metric=metric)
    part, scores = partial(share, whole=1.0), (0.0 if metric == "accuracy" else -math.inf, 1.0)
    drops, shares = (-scores[1] + scores[0], scores[1] - scores[0]), (0.0, 1.0)
    return {
        f"{metric}_mean": Measure(f"{name}, mean node", "of the peers that finished", words, True, scores),
        f"{metric}_worst": Measure(f"{name}, worst node", "the least of them", words, True, scores),
        f"{metric}_averaged_model": Measure(
            f"{name}, averaged model", "of the mean of all their models", words, True, scores
        ),
        "drop": Measure(
            "Drop", "of the mean node, against the same seed without the fault", points, False, drops
        ),
        "drop_worst": Measure(
            "Drop of the worst node",
            "against the worst node of the same seed without the fault",
            points,
            False,
            drops,
        ),
        "time_ratio": Measure(
            "Time ratio",
            "when those finished whom no fault names, as a multiple of the same without the fault",
            _times,
            False,
        ),
        "bytes_ratio": Measure("Bytes ratio", "bytes sent, as a multiple of the same", _times, False),
        "finished_share": Measure(
            "Finished", "share of all honest peers that closed every round", part, True, shares
        ),
        "survivors_finished": Measure(
            "Survivors finished",
            "share of those not killed for good, and not hostile, that closed every round",
            part,
            True,
            shares,
        ),
        "diverged_share": Measure(
            "Diverged",
            "share of the models of honest peers that are not finite, or grew beyond all reason",
            part,
            False,
            shares,
        ),
        "attack_success": Measure("Attack succeeds", "share of a backdoor's rows", part, False, shares),
        "consensus_distance": Measure(
            "Consensus distance", "mean squared distance of the models from their average", significant, False
        ),
        "round_longest_s": Measure("Longest round", "of any peer, in virtual time", duration, False),
        "finish_s": Measure("Finish", "when the last peer finished that no fault names", duration, False),
        "virtual_s": Measure("Virtual time", "until nothing was left to do", duration, False),
        "messages_sent": Measure("Messages sent", "updates", count, False),
        "messages_lost": Measure("Messages lost", "updates that never arrived", count, False),
        "messages_late": Measure("Messages late", "updates that came after their round", count, False),
        "messages_refused": Measure("Messages refused", "for any reason", count, False),
        "bytes_sent": Measure("Bytes sent", "by all peers", size, False),
    }


def measure_of(name: str, metric: str) -> Measure:
    """The measure called `name`; a reason of refusals has a name of its own."""
    known = measures(metric)
    return known.get(name) or Measure(
        f"Refused: {name.removeprefix('refused_')}", "messages refused for this reason", count, False
    )


def _points(value: float, metric: str) -> str:
    """A difference of scores: percentage points of an accuracy."""
    if metric != "accuracy":
        return significant(value)
    shown = round(100 * value, 1) + 0.0
    return f"{shown:.1f} pt"


def _times(value: float) -> str:
    return f"{value:.2f}×" if value == value else NOTHING
