"""What a node writes down, and that it goes on when it cannot."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gossipfl.cli.counted import counted
from gossipfl.cli.journal import REFUSALS_BURST, Journal
from gossipfl.cli.voice import Say
from gossipfl.experiment.nodefile import NodeFile
from gossipfl.protocol.events import Joined, Refused, RoundClosed
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster
from gossipfl.protocol.messages import Traffic

OTHER = Neighbour("b", Address("127.0.0.1", 7402), Identity(b"\1" * 32).key)
CLOSED = RoundClosed(1, np.zeros(2), heard=1, missing=0, stale=0, duration_s=0.5)


def journal_in(folder: Path, say: Say) -> Journal:
    table: dict[str, Any] = {"node": {"name": "a", "listen": "127.0.0.1:7401"}, "data": {"prepared": "x"}}
    member: Any = SimpleNamespace(file=NodeFile.model_validate(table), state_path=folder, test=None)
    roster = Roster("a", Identity(b"\2" * 32).key, (OTHER,))
    return Journal(member, roster, lambda: Traffic(3, 1, 200), say)


def heard_by(said: list[str]) -> Say:
    return lambda words, *_, **__: said.append(words)


def test_each_record_is_one_line_that_says_when_and_who(tmp_path: Path) -> None:
    said: list[str] = []
    journal = journal_in(tmp_path, heard_by(said))
    for record in (Joined(OTHER.number), CLOSED, Refused(OTHER.number, "non-finite")):
        journal.saw(record)
    journal.judge(1, CLOSED.vector)
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text("utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["link", "round", "refused", "stopped"]
    assert lines[1]["bytes_sent"] == 200
    assert lines[2]["sender"] == lines[0]["neighbour"] == 1
    assert journal.refused == {"non-finite": 1}
    assert said == ["b joined", "refused b: non-finite", "round 1 of 30 in 0.50 s, heard 1 of 1"]


def test_strangers_who_are_refused_again_and_again_fill_no_records(tmp_path: Path) -> None:
    said: list[str] = []
    journal = journal_in(tmp_path, heard_by(said))
    for number in range(10_000):
        journal.refuse(None, f"host-{number}", "not-tls", "TLS failed.")
    journal.refuse(OTHER.number, "b", "flood", "It floods.")
    journal.close()
    *lines, end = (tmp_path / "records.jsonl").read_text("utf-8").splitlines()
    assert json.loads(end)["refused"] == {"not-tls": 10_000, "flood": 1}
    assert REFUSALS_BURST < len(lines) < 2 * REFUSALS_BURST
    assert json.loads(lines[-1])["reason"] == "flood"
    assert len(said) == len(lines)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_costs_records_and_not_the_node(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").symlink_to("/dev/full")
    said: list[str] = []
    journal = journal_in(tmp_path, heard_by(said))
    journal.saw(Joined(OTHER.number))
    journal.saw(CLOSED)
    journal.close()
    assert sum("cannot be written (No space left on device)" in words for words in said) == 1


def test_a_new_life_goes_on_with_the_counts_of_the_last_though_that_was_killed(tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    for life in range(3):
        journal = journal_in(tmp_path, heard_by([]))
        journal.began(life, None)
        journal.refuse(OTHER.number, "b", "replay", "")
        journal.saw(CLOSED)
        kept = records.read_bytes()
        journal.close()
        if life < 2:
            records.write_bytes(kept)  # as if it had been killed
    told = [json.loads(line) for line in records.read_text("utf-8").splitlines()]
    counts = [record for record in told if "bytes_sent" in record]
    assert [record["bytes_sent"] for record in counts] == [200, 200, 400, 400, 600, 600, 600]
    last = counts[-1]
    assert (last["kind"], last["lives"], last["messages_lost"]) == ("stopped", 3, 3)
    assert last["refused"] == {"replay": 3}
    walls = [record["wall_s"] for record in counts]
    assert walls == sorted(walls)


def test_counts_of_an_unreadable_line_are_none(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_bytes(
        b'{"kind": "round", "bytes_se\n{"kind": "round", "bytes_sent": 9'
    )
    assert counted(tmp_path / "records.jsonl") == {}


def test_a_node_writes_down_no_engine_for_it_has_none(tmp_path: Path) -> None:
    journal_in(tmp_path, heard_by([])).close()
    settings = tomllib.loads((tmp_path / "experiment.toml").read_text("utf-8"))
    assert "rounds" in settings["learning"]
    assert "engine" not in settings["run"]
