"""What a node writes of what left it and of whom it refused, and that others cannot make it write much."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import trio
from hosts import IDENTITIES, NOWHERE, Host, run, speaker, still, update

from gossipfl.node.audit import AuditLog
from gossipfl.node.chain import LINE_BYTES_MAX
from gossipfl.node.leaving import Leaving
from gossipfl.node.link import Heard, Link
from gossipfl.node.links import Refusal
from gossipfl.node.tallies import OTHERS, REFUSED_EVERY_S, STRANGERS_MAX
from gossipfl.protocol.events import Quarantined, Refused
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster, fingerprint
from gossipfl.protocol.messages import Traffic
from gossipfl.protocol.notary import read_statement
from gossipfl.protocol.session import Session
from gossipfl.protocol.wire import signed_body
from gossipfl.report.account import Account, account

OWN = Identity(b"\2" * 32)
OTHER = Neighbour("b", Address("127.0.0.1", 7402), Identity(b"\1" * 32).key)
ROSTER = Roster("a", OWN.key, (OTHER,))


def lines_of(path: Path, *whats: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [line for line in lines if not whats or line["what"] in whats]


def read(path: Path, key: bytes | None = None, noted: str = "") -> Account:
    with path.open("rb") as file:
        return account(file, key, noted)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def log_in(folder: Path, clock: Clock, said: list[str] | None = None) -> AuditLog:
    say = (said if said is not None else []).append
    return AuditLog(folder / "audit.jsonl", OWN, ROSTER, say, now_s=clock)


def test_a_refusal_tells_the_key_that_was_proved_and_of_a_stranger_none(tmp_path: Path) -> None:
    with log_in(tmp_path, Clock()).kept(1, b"") as log:
        log.refuse(Refusal(OTHER.number, "b (127.0.0.1)", "wrong-key", ""))
        log.refuse(Refusal(None, "b", "unknown-key", ""))
    told = [(line["reason"], line["fingerprint"]) for line in lines_of(tmp_path / "audit.jsonl", "refused")]
    assert told == [("wrong-key", fingerprint(OTHER.key)), ("unknown-key", None)]


def test_a_life_is_signed_and_its_last_hash_told(tmp_path: Path) -> None:
    said: list[str] = []
    for epoch in (1, 2):
        log = log_in(tmp_path, Clock(), said)
        with log.kept(epoch, b"\7" * 32):
            log.saw(Refused(OTHER.number, "non-finite"))
            log.saw(Quarantined(OTHER.number, "equivocation", float("inf")))
    path = tmp_path / "audit.jsonl"
    told = read(path, OWN.key)
    assert (told.broken, told.starts, told.stops, told.signed_to) == ("", 2, 2, 8)
    assert told.refused == {"b": {"non-finite": 2}}
    assert told.quarantined == {"b": 2}
    started = lines_of(path, "started")
    assert [line["epoch"] for line in started] == [1, 2]
    assert started[0]["manifest"] == "07" * 32
    assert all(told_line in said[-1] for told_line in ("line 8", told.head.hash))
    assert read(path, OTHER.key).broken.startswith("line 1: it was signed by another key")
    assert read(path, noted=lines_of(path)[3]["hash"]).broken == ""
    kept = path.read_bytes()
    path.write_bytes(b"".join(kept.splitlines(keepends=True)[:-1]))
    assert read(path).broken == ""  # a chain alone cannot know
    assert "the end was cut off" in read(path, noted=told.head.hash).broken


def test_a_log_forged_anew_has_another_signer(tmp_path: Path) -> None:
    mallory = Identity(b"\3" * 32)
    forged = AuditLog(tmp_path / "audit.jsonl", mallory, Roster("a", mallory.key, (OTHER,)), lambda _: None)
    with forged.kept(1, b"\7" * 32):
        pass
    assert read(tmp_path / "audit.jsonl").broken == ""
    assert read(tmp_path / "audit.jsonl", OWN.key).broken.startswith("line 1: ")


def test_refusals_of_one_source_for_one_reason_are_told_once_an_hour_with_their_count(tmp_path: Path) -> None:
    clock = Clock()
    log = log_in(tmp_path, clock)
    with log.kept(1, b"\7" * 32):
        for hour in range(3):
            clock.now = hour * REFUSED_EVERY_S
            log.sync()
            for _ in range(1000):
                log.refuse(Refusal(OTHER.number, "b (127.0.0.1:7402)", "flood", "It floods."))
                log.refuse(Refusal(None, "192.0.2.9", "not-tls", "TLS failed."))
    refused = lines_of(tmp_path / "audit.jsonl", "refused")
    assert [line["times"] for line in refused if line["source"] == "b"] == [1, 999, 1000, 1000]
    assert read(tmp_path / "audit.jsonl").refused == {"b": {"flood": 3000}, "192.0.2.9": {"not-tls": 3000}}


def test_a_flood_from_any_number_of_addresses_costs_bounded_bytes(tmp_path: Path) -> None:
    clock, detail = Clock(), "\N{GRINNING FACE}" * 10_000
    log = log_in(tmp_path, clock)
    path = tmp_path / "audit.jsonl"
    with log.kept(1, b"\7" * 32):
        for number in range(20 * STRANGERS_MAX):
            log.refuse(Refusal(None, f"2001:db8::{number:x}", "not-tls", detail))
        assert len(lines_of(path, "refused")) == STRANGERS_MAX + 1
        clock.now = REFUSED_EVERY_S
        log.sync()  # nothing more of them: their places are free again
        log.refuse(Refusal(None, "192.0.2.9", "not-tls", detail))
        log.refuse(Refusal(OTHER.number, "b", "x" * 10_000, detail))
    assert max(map(len, path.read_bytes().splitlines())) < LINE_BYTES_MAX
    told = read(path)
    assert told.broken == ""
    assert told.refused[OTHERS]["not-tls"] == 19 * STRANGERS_MAX
    assert told.refused["192.0.2.9"]["not-tls"] == 1
    assert sum(times.total() for times in told.refused.values()) == 20 * STRANGERS_MAX + 2


def heard_up_to(round_: int, host: Host) -> bool:
    return host.rounds_heard[-1:] == [round_]


def test_what_left_is_what_the_other_side_heard_byte_for_byte(tmp_path: Path) -> None:
    """Over real TLS links: each line `sent` has the round, sequence, length and digest that came there."""
    one, other = (Host(identity) for identity in IDENTITIES[:2])
    path = tmp_path / "audit.jsonl"

    async def test() -> None:
        async with other.running((one.identity, NOWHERE)):
            listed = Neighbour("n0", other.address, other.identity.key)
            log = AuditLog(path, one.identity, Roster("self", one.identity.key, (listed,)), lambda _: None)
            one.on_leaving = log.leaves
            with log.kept(1, b"\7" * 32):
                async with one.running((other.identity, other.address)) as links:
                    await one.until(lambda host: bool(host.events))
                    for round_ in range(1, 6):
                        links.send(other.number, update(round_))
                        await other.until(partial(heard_up_to, round_))

    run(test)
    heard = []
    for each in other.updates:
        assert each.statement is not None
        length, digest = signed_body(each.statement.evidence)
        assert read_statement(each.statement.evidence).author == one.identity.key
        heard.append((each.round, each.sequence, length, digest.hex()))
    sent = lines_of(path, "sent")
    assert [(line["round"], line["sequence"], line["bytes"], line["digest"]) for line in sent] == heard
    assert len(heard) == 5
    assert {line["to"] for line in sent} == {"n0"}
    assert lines_of(path, "cut-off") == []


class Stuck:
    """A stream that takes nothing."""

    async def send_all(self, data: bytes) -> None:
        await trio.sleep_forever()


def test_an_update_that_is_cut_off_is_told_as_that() -> None:
    left: list[Leaving] = []

    async def test() -> None:
        stream: Any = Stuck()
        session, traffic = Session(speaker(OWN), OTHER.key, dialled=True), Traffic()
        link = Link(
            stream, session, OTHER, traffic, Heard(), left.append, trio.CapacityLimiter(1), dialled=True
        )
        link.send(update(3))
        with trio.move_on_after(1):
            await link._write()
        link.abandon()
        assert traffic.messages_lost == 1

    trio.run(test, clock=still())
    assert [(leaving.round, leaving.cut_off) for leaving in left] == [(3, False), (3, True)]
