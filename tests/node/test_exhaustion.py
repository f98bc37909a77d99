"""Whatever runs out, or whoever never tires, the node goes on: descriptors, buffers, connections, dials."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing
from attackers import HONEST, MEMBER, NODE, client, greeted
from hosts import NOWHERE, Host, raw_tls, run, speaker, update

from gossipfl.node.audit import AuditLog
from gossipfl.node.limits import BODY_S
from gossipfl.protocol.events import Joined, Left
from gossipfl.protocol.identity import Roster
from gossipfl.protocol.session import Opened

GARBAGE = 1000
DIALS = 30


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Not one more file or socket can be opened by this process."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            with suppress(OSError):
                while True:
                    held.enter_context(open(os.devnull, encoding="ascii"))
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Alarm(logging.Handler):
    """Rings when trio says that it cannot accept."""

    def __init__(self) -> None:
        super().__init__()
        self.rang = trio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.rang.set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_running_out_of_descriptors_at_the_door_does_not_stop_the_node() -> None:
    async def test() -> None:
        node, honest = Host(NODE), Host(HONEST)
        alarm, logger = Alarm(), logging.getLogger("trio.serve_listeners")
        logger.addHandler(alarm)
        listed = ((HONEST, NOWHERE), (MEMBER, NOWHERE))
        async with node.running(*listed), honest.running((NODE, node.address)) as friend:
            await honest.until(lambda host: host.count(Joined) == 1)
            with socket.create_connection(node.address), no_more_descriptors():
                await alarm.rang.wait()
                friend.send(node.number, update(1))
                await node.until(lambda host: host.rounds_heard == [1])
            async with raw_tls(node.address, client(MEMBER)) as stream:
                assert isinstance((await greeted(stream, speaker(MEMBER)))[1], Opened)
                await node.until(lambda host: host.count(Joined) == 2)
            assert node.count(Left) == 0
        logger.removeHandler(alarm)

    run(test)


def test_a_thousand_garbage_connections_leave_nothing_behind_but_a_few_lines(tmp_path: Path) -> None:
    garbage = np.random.default_rng(1)

    async def throw(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as stream:
            stream.sendall(garbage.bytes(40))
        await trio.lowlevel.checkpoint()

    async def test() -> None:
        node, honest = Host(NODE), Host(HONEST)
        async with node.running((HONEST, NOWHERE)) as links, honest.running((NODE, node.address)) as friend:
            await honest.until(lambda host: host.count(Joined) == 1)
            tasks = trio.lowlevel.current_statistics().tasks_living
            for number in range(1, GARBAGE + 1):
                await throw(node.address)
                if number % 100 == 0:
                    friend.send(node.number, update(number // 100))
                    await node.until(lambda host: host.rounds_heard[-1:] == [number // 100])  # noqa: B023
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert trio.lowlevel.current_statistics().tasks_living == tasks
            assert not links._doorway._waiting
            assert node.count(Left) == honest.count(Left) == 0
            roster = Roster("self", NODE.key, ())
            with AuditLog(tmp_path / "audit.jsonl", NODE, roster, lambda _: None).kept(1, b"") as log:
                for refusal in node.refusals:
                    log.refuse(refusal)

    run(test, seconds=120)
    told = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    refused = [line for line in told if line["what"] == "refused"]
    assert len(refused) < 20  # two for each reason
    assert sum(line["times"] for line in refused) == GARBAGE


def test_a_member_that_stops_reading_is_left_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = np.zeros(4_000_000, np.float32)
    monkeypatch.setattr("hosts.VECTOR", large)
    monkeypatch.setattr("gossipfl.node.link.body_s", lambda length: 1.0 if length < 1 << 20 else BODY_S)

    async def test() -> None:
        node, honest = Host(NODE), Host(HONEST)
        listed = ((HONEST, NOWHERE), (MEMBER, NOWHERE))
        async with node.running(*listed) as links, honest.running((NODE, node.address)):
            await honest.until(lambda host: host.count(Joined) == 1)
            async with raw_tls(node.address, client(MEMBER)) as stream:
                await greeted(stream, speaker(MEMBER))
                await node.until(lambda host: host.count(Joined) == 2)
                for round_ in (1, 2, 3):
                    links.send(Host(MEMBER).number, update(round_, vector=large))
                    links.send(honest.number, update(round_, vector=large))
                    await honest.until(lambda host: host.rounds_heard[-1:] == [round_])  # noqa: B023
                await node.until(lambda host: host.count(Left) == 1)
            assert links.spoken.messages_lost == 3
            assert honest.count(Left) == 0

    run(test)


def test_both_dial_at_once_again_and_again() -> None:
    async def test() -> None:
        one, two = Host(NODE), Host(MEMBER)
        async with one.running():
            one.listen = one.address
        async with two.running():
            two.listen = two.address
        for _ in range(DIALS):
            left, right = Host(NODE), Host(MEMBER)
            left.listen, right.listen = one.listen, two.listen
            async with (
                left.running((MEMBER, two.listen)) as from_left,
                right.running((NODE, one.listen)) as from_right,
            ):
                await left.until(lambda host: host.count(Joined) > host.count(Left))
                await right.until(lambda host: host.count(Joined) > host.count(Left))
                from_left.send(right.number, update(1))
                from_right.send(left.number, update(2))
                await left.until(lambda host: host.rounds_heard == [2])
                await right.until(lambda host: host.rounds_heard == [1])
                assert left.count(Left) == right.count(Left) == 0
                assert not left.refusals + right.refusals

    run(test, seconds=120)
