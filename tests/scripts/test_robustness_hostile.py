"""The script that attacks real nodes: how its figures are judged, and a short run of it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def judging() -> Any:
    return import_module("robustness_runs.hostile.judging")


def failed(rows: list[Any]) -> list[str]:
    return [row.name for row in rows if not row.passed]


def test_a_crowd_may_cost_a_fifth_of_a_round_and_no_link() -> None:
    seen = judging().Besieged(2000, 100, calm_s=0.5, besieged_s=0.6, links_lost=0)
    assert failed(judging().crowd_rows(seen)) == []
    assert len(failed(judging().crowd_rows(seen._replace(besieged_s=0.61)))) == 1
    assert len(failed(judging().crowd_rows(seen._replace(links_lost=1)))) == 1


def test_memory_is_judged_by_connection_and_by_update() -> None:
    seen = judging().Weighed({"half-open": 64.0}, 128, 16, {"half-sent": 3.0}, 7.0, 2.0)
    assert failed(judging().memory_rows(seen)) == []
    spoilt = ({"half-open": 65.0}, 129, 17, {"half-sent": 3.1}, 7.1)
    assert len(failed(judging().memory_rows(judging().Weighed(*spoilt, 2.0)))) == 5


def test_a_stranger_must_be_refused_for_its_reason_unheard_and_written_down() -> None:
    met = judging().Met("none", "no-certificate", "no-certificate", 0, audited=True)
    assert failed(judging().stranger_rows([met])) == []
    for spoilt in ({"reason": "tls"}, {"answered": 1}, {"audited": False}):
        assert len(failed(judging().stranger_rows([met, met._replace(**spoilt)]))) == 1, spoilt


def test_what_is_used_twice_or_let_in_again_is_told() -> None:
    seen = judging().Replayed(34, 2, 0, ["replay", "run", "sender"], 1000, 0)
    assert failed(judging().replay_rows(seen)) == []
    for spoilt in ({"used": 3}, {"twice": 1}, {"reasons": ["replay"]}, {"let_in": 1}):
        assert len(failed(judging().replay_rows(seen._replace(**spoilt)))) == 1, spoilt


def test_a_sentence_must_outlive_the_process_and_end() -> None:
    seen = judging().ShutOut(30.0, "quarantined", 41.0)
    assert failed(judging().sentence_rows(seen)) == []
    assert len(failed(judging().sentence_rows(seen._replace(verdict="")))) == 1
    assert len(failed(judging().sentence_rows(seen._replace(in_after_s=100.0)))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="attackers come from all of 127.0.0.0/8")
def test_nobody_without_a_listed_key_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    assert import_module("robustness_runs.hostile.command").main(["strangers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["rows"]) == 11
