"""What is written beside a running peer: the newest, in a thread, and nobody waits for it."""

from __future__ import annotations

import threading

import pytest
import trio
from checkpoints import memory
from hosts import run

from gossipfl.node import keeping
from gossipfl.node.keeping import Keeping
from gossipfl.protocol.memory import Memory


class Disk:
    """Writes when it is let, and remembers the rounds."""

    def __init__(self) -> None:
        self.let = threading.Semaphore(0)
        self.rounds: list[int] = []

    def write(self, kept: Memory) -> None:
        assert threading.current_thread() is not threading.main_thread()
        assert self.let.acquire(timeout=60)
        self.rounds.append(kept.round)


def test_where_the_disk_is_slow_rounds_go_on_and_the_newest_is_written() -> None:
    disk = Disk()
    kept = Keeping(memory, disk.write)

    async def test() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run)
            for round_ in range(1, 101):
                kept.closed(round_)
                if round_ == 1:
                    await trio.testing.wait_all_tasks_blocked()  # the first is being written
            disk.let.release(2)
            await kept.close()
            assert disk.rounds == [1, 100]
            kept.closed(101)
            disk.let.release()
            await kept.close()
            nursery.cancel_scope.cancel()
        assert disk.rounds == [1, 100, 101]

    run(test)


def test_a_disk_that_hangs_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LAST_WRITE_S", 0.05)
    disk = Disk()
    kept = Keeping(memory, disk.write)

    async def test() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run)
            kept.closed(1)
            await kept.close()
            nursery.cancel_scope.cancel()
        assert disk.rounds == []

    run(test)
    disk.let.release()


def test_a_peer_that_closed_no_round_waits_for_nothing() -> None:
    kept = Keeping(memory, Disk().write)

    async def test() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run)
            await kept.close()
            nursery.cancel_scope.cancel()

    run(test)
