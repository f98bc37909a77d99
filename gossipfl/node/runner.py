"""Runs one peer on real links and a real clock: events in, effects out, until it has finished.

Rules:
- All events come through one queue, so `handle` is never entered twice at once.
- Training runs in a thread, one at a time, while messages keep arriving; so does keeping what each round
  came to.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import signal
from collections.abc import Callable
from typing import assert_never

import trio

from gossipfl.errors import LocalProtocolError
from gossipfl.learn.contracts import Array
from gossipfl.node.assembly import Assembly
from gossipfl.node.keeping import Keeping
from gossipfl.node.links import Happened, Links
from gossipfl.protocol.events import (
    Drop,
    Effect,
    Finished,
    Joined,
    Judge,
    Judged,
    Left,
    Note,
    Peer,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    Suspected,
    TimerFired,
    Train,
    Trained,
    Trusted,
)
from gossipfl.protocol.events import Record as PeerRecord

Fit = Callable[[Array, int, Array | None], Array]
"""(vector (d,), round, drift (d,) or None) -> vector (d,): local training. It runs in a thread."""

Losses = Callable[[Array, int], Array]
"""(vectors (m, d), round) -> what each loses on own rows (m,). It runs in the thread of training."""

Record = PeerRecord | Joined | Left | Suspected | Trusted


async def run(
    peer: Peer,
    links: Links,
    fit: Fit,
    on_record: Callable[[Record], None],
    losses: Losses | None = None,
    keeping: Keeping | None = None,
    assembly: Assembly | None = None,
) -> bool:
    """Run `peer` to its end; returns whether it finished by itself rather than by SIGINT, SIGTERM or `Stop`.

    A peer whose rule asks for `losses` needs them. What it must not forget is for `keeping`, and
    who belongs to it for the `assembly` that its `links` ask.

    At the end it sends what its links still hold and says goodbye, which takes 7 s at most, and waits until
    the last round is kept, which takes 30 s at most where a disk hangs.
    """
    try:
        return await _Runner(peer, links, fit, on_record, losses, keeping, assembly).run()
    except BaseExceptionGroup as group:
        raise sole(group) from None


def sole(error: BaseException) -> BaseException:
    """The one error inside the groups that nurseries make of it; several stay a group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class _Runner:
    def __init__(
        self,
        peer: Peer,
        links: Links,
        fit: Fit,
        on_record: Callable[[Record], None],
        losses: Losses | None,
        keeping: Keeping | None,
        assembly: Assembly | None,
    ) -> None:
        self._peer = peer
        self._links = links
        self._fit = fit
        self._losses = losses
        self._on_record = on_record
        self._keeping = keeping
        self._assembly = assembly
        self._put, self._events = trio.open_memory_channel[Happened](0)
        self._timers: list[tuple[float, int]] = []
        self._training = False
        self._trainer = trio.CapacityLimiter(1)  # slow name look-ups must not hold up training
        self._finished = False
        self._stopped = False

    async def run(self) -> bool:
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._watch_signals)
            await self._nursery.start(self._links.run, self._put)
            if self._keeping:
                self._nursery.start_soon(self._keeping.run)
            if self._assembly:
                self._nursery.start_soon(self._assembly.run, self._links)
            self._handle(Started())
            while not self._finished:
                self._handle(await self._next())
            self._nursery.start_soon(self._discard)
            await self._links.close()
            if self._keeping:
                await self._keeping.close()
            self._nursery.cancel_scope.cancel()
        return not self._stopped

    async def _next(self) -> Happened:
        with contextlib.suppress(trio.WouldBlock):
            return self._events.receive_nowait()  # no more than each link has to say before it must wait
        due_at = self._timers[0][0] if self._timers else math.inf
        if due_at > trio.current_time():
            with trio.move_on_at(due_at):
                return await self._events.receive()
        await trio.lowlevel.checkpoint()
        return TimerFired(heapq.heappop(self._timers)[1])

    def _handle(self, event: Happened) -> None:
        match event:
            case Suspected() | Trusted():
                self._on_record(event)
                return
            case Joined() | Left():
                self._on_record(event)
            case Trained():
                self._training = False
            case Stop():
                self._stopped = True
        for effect in self._peer.handle(event, trio.current_time()):
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Train():
                if self._training:
                    raise LocalProtocolError("A peer asked for training while it trains.")
                self._training = True
                self._nursery.start_soon(self._train, effect)
            case Judge():
                self._nursery.start_soon(self._judge, effect)
            case Send(to, message):
                self._links.send(to, message)
            case SetTimer(timer, delay_s):
                heapq.heappush(self._timers, (trio.current_time() + delay_s, timer))
            case Drop(who, why, for_s):
                self._links.drop(who, why, for_s)
            case Note(record):
                self._on_record(record)
                if self._keeping and isinstance(record, RoundClosed):
                    self._keeping.closed(record.round)
            case Finished():
                self._finished = True
            case _:
                assert_never(effect)

    async def _train(self, wanted: Train) -> None:
        trained = await trio.to_thread.run_sync(
            self._fit,
            wanted.vector,
            wanted.round,
            wanted.drift,
            abandon_on_cancel=True,
            limiter=self._trainer,
        )
        await self._put.send(Trained(trained))

    async def _judge(self, wanted: Judge) -> None:
        if self._losses is None:
            raise LocalProtocolError("A peer asked for losses, and nobody tells them.")
        losses = await trio.to_thread.run_sync(
            self._losses, wanted.vectors, wanted.round, abandon_on_cancel=True, limiter=self._trainer
        )
        await self._put.send(Judged(losses))

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            task_status.started()
            async for _ in received:
                await self._put.send(Stop())

    async def _discard(self) -> None:
        """Take what still comes, so that no link waits for a peer that has finished."""
        async for _ in self._events:
            pass
