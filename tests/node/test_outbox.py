"""What waits to be said on a link: what is in no hurry leaves with what is said next."""

from __future__ import annotations

import trio
import trio.testing

from gossipfl.node.outbox import Outbox


async def _write(outbox: Outbox, said: list[object]) -> None:
    while True:
        said.append(await outbox.next())


def test_what_is_in_no_hurry_waits_for_what_is_said_next() -> None:
    async def scenario() -> None:
        outbox, said = Outbox(), list[object]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, outbox, said)
            await trio.testing.wait_all_tasks_blocked()
            outbox.say(b"by the way ", hurries=False)
            await trio.testing.wait_all_tasks_blocked()
            assert said == []
            outbox.say(b"now")
            await trio.testing.wait_all_tasks_blocked()
            assert said == [b"by the way now"]
            nursery.cancel_scope.cancel()

    trio.run(scenario)


def test_what_is_in_no_hurry_is_said_before_the_end() -> None:
    async def scenario() -> None:
        outbox, said = Outbox(), list[object]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, outbox, said)
            await trio.testing.wait_all_tasks_blocked()
            outbox.say(b"by the way", hurries=False)
            with trio.fail_after(5):
                await outbox.drained()
            assert said == [b"by the way"]
            nursery.cancel_scope.cancel()

    trio.run(scenario)
