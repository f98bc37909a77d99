"""The script that kills a node again and again: what its audit finds, and a short run of it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
Record = dict[str, Any]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def audit(*records: Record) -> Any:
    return import_module("robustness_runs.restarts.audit").Audit(records)


def started(epoch: int, round_: int = 0) -> Record:
    return {"kind": "started", "epoch": epoch, "round": round_}


def closed(round_: int, *used: int) -> Record:
    """A round into which went what neighbour 1 said of these rounds, each under the same number."""
    return {"kind": "round", "round": round_, "duration_s": 1.0, "used": [[1, 7, one, one] for one in used]}


def test_an_update_that_is_twice_in_the_model_is_found() -> None:
    sound = audit(started(1), closed(1, 1), closed(2, 2))
    assert (sound.used_twice, sound.applied) == ([], 2)
    assert audit(started(1), closed(1, 1), closed(2, 1)).used_twice == [(1, 7, 1, 1)]
    over_a_restart = audit(started(1), closed(1, 1), started(2, 1), closed(2, 1))
    assert over_a_restart.used_twice == [(1, 7, 1, 1)]


def test_what_a_life_forgot_is_in_no_model() -> None:
    again = audit(started(1), closed(1, 1), closed(2, 2), started(2, 1), closed(2, 2))
    assert again.used_twice == []
    assert (again.resumed, again.forgotten, again.lost_rounds) == (1, [1], 0)
    assert import_module("robustness_runs.restarts.audit").used_again([again]) == 1


def test_rounds_leapt_over_and_epochs_that_do_not_grow_are_found() -> None:
    assert audit(started(1), closed(1), closed(3)).lost_rounds == 1
    assert audit(started(1), closed(1), closed(1)).lost_rounds == 1
    assert audit(started(1), started(2)).epochs_grow
    assert not audit(started(2), started(2)).epochs_grow


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, and no SIGTERM to end a run by")
def test_five_kills_cost_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    main = import_module("robustness_runs.restarts.command").main
    status = main(["--kills", "5", "--json"])
    told = json.loads(capsys.readouterr().out)
    unjudged = (  # a busy machine misses the first two, and so short a run may end right after a kill
        "the longest round of the others",
        "rounds forgotten by one kill",
        "accuracy lost",
    )
    assert [row for row in told["rows"] if not row["passed"] and row["name"] not in unjudged] == []
    [lost] = [row["measured"] for row in told["rows"] if row["name"] == "accuracy lost"]
    assert float(lost.split()[0]) <= 3
    assert len(told["rows"]) == 10
    assert status == (0 if told["passed"] else 1)
