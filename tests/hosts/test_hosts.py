"""Four organisations on four hosts, with cables that are pulled and lines that lose and delay."""

from __future__ import annotations

import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
BUSY = 3.0
"""How many times longer than by itself anything may take here, where others use the processors too."""


@pytest.fixture(autouse=True)
def _hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    if why := room("hosts").why_none():
        pytest.skip(why)


def room(name: str) -> Any:
    return import_module(f"robustness_runs.hosts.{name}")


def terms(rounds: int) -> dict[str, Any]:
    return {"learning": {"rounds": rounds}}


def test_bad_lines_cost_four_organisations_nothing_but_time(tmp_path: Path) -> None:
    bad = room("line").Line(loss=0.05, delay_s=0.01, jitter_s=0.005)
    with room("consortium").consortium(tmp_path, 4, terms(15), bad=bad) as all_:
        seen = room("trials").ended(all_)
    assert (seen.finished, seen.dead, seen.broken) == (4, 0, 0)
    assert seen.accuracy > 93.0


def test_who_cannot_be_reached_is_given_up_in_time_and_taken_back_at_once(tmp_path: Path) -> None:
    trials = room("trials")
    with room("consortium").consortium(tmp_path, 4, terms(100_000), training_s=0.3) as all_:
        all_.hear_all()
        for harm in (trials.pulled, trials.parted):
            seen = harm(all_)
            assert seen.suspected_s < 3.5 * BUSY
            assert seen.suspected_s < seen.dead_s < 5.5 * BUSY
            assert seen.round_s < 6.0 * BUSY
            assert seen.falsely == 0
            assert seen.back_s < 5.0 * BUSY
            assert seen.behind <= 2


def test_hosts_leave_nothing_behind_even_when_what_they_served_failed() -> None:
    names: list[str] = []

    def fail() -> None:
        with room("hosts").hosts(2, room("line").Line()) as made:
            names.extend(host.namespace for host in made)
            assert set(names) <= namespaces()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(names) == 2
    assert not set(names) & namespaces()


def test_what_a_killed_process_left_the_next_one_removes() -> None:
    left = f"gfl-{2**22 + 1}-0-switch"  # no process has so high a number
    subprocess.run(["ip", "netns", "add", left], check=True)
    with room("hosts").hosts(1):
        assert left not in namespaces()


def namespaces() -> set[str]:
    return {path.name for path in Path("/run/netns").iterdir()}
