"""Bounds hold: retries slow down, frames are rationed."""

from __future__ import annotations

from dataclasses import replace

import trio
from hosts import update

from gossipfl.node.limits import Allowance, Backoff
from gossipfl.node.outbox import Outbox


def test_pauses_double_up_to_half_a_minute_and_begin_again() -> None:
    backoff = Backoff()
    ceiling = Backoff.FIRST_S
    for _ in range(12):
        assert 0.0 <= backoff.pause_s() <= ceiling
        ceiling = min(2 * ceiling, Backoff.LAST_S)
    assert 0.0 <= backoff.pause_s(near=True) <= Backoff.NEAR_S
    backoff.reset()
    assert backoff.pause_s() <= Backoff.FIRST_S


def test_an_allowance_lets_a_burst_through_and_then_a_rate() -> None:
    allowance = Allowance(per_s=2.0, burst=3.0, now=0.0)
    assert [allowance.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(1.0) for _ in range(3)] == [True, True, False]
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_an_answer_is_not_replaced_by_a_question() -> None:
    async def test() -> None:
        outbox = Outbox()
        answer, question = update(1), replace(update(2), asks=True)
        assert not outbox.put(answer)
        assert not outbox.put(question)
        assert outbox.put(replace(update(3), asks=True))
        assert await outbox.next() is answer
        assert outbox.close() == 1

    trio.run(test)


def test_control_frames_go_first_and_equal_ones_once() -> None:
    async def test() -> None:
        outbox = Outbox()
        first, second = update(1), update(2)
        assert not outbox.put(first)
        assert outbox.put(second)
        for frame in (b"ping", b"pong", b"ping"):
            outbox.say(frame)
        assert await outbox.next() == b"pongping", "what was said last is heard last"
        assert await outbox.next() is second
        assert not outbox.close()
        assert outbox.put(first)
        await outbox.drained()

    trio.run(test)
