"""What a node says while it runs: the same events for people and for machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from commandline import say
from test_journal import CLOSED, OTHER, journal_in

from gossipfl.cli.voice import Say, to_machines, to_people
from gossipfl.protocol.events import Joined, Quarantined, Refused


def told(folder: Path, voice: Say, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a journal says by `voice` of a neighbour that comes, is heard, and is shut out."""
    journal = journal_in(folder, voice)
    number = OTHER.number
    for record in (Joined(number), CLOSED, Refused(number, "non-finite"), Quarantined(number, "flood", 60.0)):
        journal.saw(record)
    journal.judge(1, np.zeros(2))
    journal.warn("the disk is full")
    journal.close()
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_machines_are_told_the_events_that_people_are_and_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = told(tmp_path / "people", to_people, capsys)
    machines = [json.loads(line) for line in told(tmp_path / "machines", to_machines, capsys)]
    assert [line["words"] for line in machines] == [line.split(" ", 1)[1] for line in people]
    assert [line["event"] for line in machines] == ["link", "refused", "quarantined", "round", "warning"]
    assert (machines[0]["neighbour"], machines[0]["state"]) == ("b", "joined")
    assert (machines[1]["who"], machines[1]["reason"]) == ("b", "non-finite")
    assert (machines[3]["round"], machines[3]["heard"]) == (1, 1)
    for line in machines:
        age = datetime.now(UTC) - datetime.fromisoformat(line["time"])
        assert timedelta(seconds=-1) < age < timedelta(minutes=10)


def test_even_a_node_that_cannot_begin_says_so_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "node", "nowhere", "--json-log")
    assert (said.status, said.out) == (2, "")
    line = json.loads(said.err)
    assert line["event"] == "failed"
    assert "nowhere" in line["words"]
