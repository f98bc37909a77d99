"""The digest of a run tells it from any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gossipfl.protocol.events import Event, Joined, Left, Received, Started, TimerFired, Trained
from gossipfl.protocol.messages import Ask, Begun, Message, Missed, Update
from gossipfl.simulator.trace import Trace

Happened = tuple[float, int, Event]
VECTOR = np.linspace(0, 1, 5)
SAID = Update(2, 0, 2, 10, 2, (VECTOR,))
RUN: list[Happened] = [
    (0.0, 0, Started()),
    (0.0, 0, Joined(1)),
    (0.5, 0, Received(1, Begun(1))),
    (1.0, 0, Trained(VECTOR)),
    (1.5, 0, Received(1, SAID)),
    (1.5, 0, Received(1, Missed())),
    (1.5, 0, Received(1, Ask())),
    (2.0, 0, TimerFired(1)),
    (2.0, 0, Left(1)),
]


def hash_of(run: Sequence[Happened]) -> str:
    trace = Trace()
    for now, number, event in run:
        trace.add(now, number, event)
    return trace.hash


def test_the_same_events_have_the_same_digest() -> None:
    copied = [(now, n, Trained(VECTOR.copy()) if isinstance(e, Trained) else e) for now, n, e in RUN]
    assert hash_of(RUN) == hash_of(copied)


@pytest.mark.parametrize("lost", range(len(RUN)))
def test_one_event_more_or_less_is_another_run(lost: int) -> None:
    assert hash_of(RUN[:lost] + RUN[lost + 1 :]) != hash_of(RUN)


def test_another_order_is_another_run() -> None:
    digests = [hash_of([*RUN[:i], RUN[i + 1], RUN[i], *RUN[i + 2 :]]) for i, _ in enumerate(pairwise(RUN))]
    assert hash_of(RUN) not in digests


@pytest.mark.parametrize(
    ("now", "number", "event"),
    [
        (1.0 + 1e-15, 0, Trained(VECTOR)),
        (1.0, 1, Trained(VECTOR)),
        (1.0, 0, Trained(np.nextafter(VECTOR, 2))),
        (1.0, 0, Trained(VECTOR[::-1])),
        (1.0, 0, Received(1, SAID)),
    ],
)
def test_when_to_whom_and_what_are_told_apart(now: float, number: int, event: Event) -> None:
    assert hash_of([(now, number, event)]) != hash_of([(1.0, 0, Trained(VECTOR))])


def test_words_are_told_apart_by_sender_round_and_sequence() -> None:
    said: list[tuple[int, Message]] = [
        (1, SAID),
        (2, SAID),
        (1, replace(SAID, round=3)),
        (1, replace(SAID, sequence=3)),
        (1, Begun(2)),
    ]
    digests = {hash_of([(1.0, 0, Received(sender, message))]) for sender, message in said}
    assert len(digests) == len(said)
