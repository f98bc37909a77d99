"""What an operator sees of a node: metrics that Prometheus can read, and a health that turns."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gossipfl.cli.pages import OTHER, REASONS, exposition, pages
from gossipfl.cli.pulse import FACTOR, FIRST_S, FLOOR_S, RECENT, Pulse
from gossipfl.cli.view import draw, lines
from gossipfl.cli.vitals import Seen, Vitals

VITALS = Vitals(
    name="hospital-a",
    fingerprint="9f3c-02ab-77d0-e5a1",
    epoch=1_764_380_000_000_000_000,
    round=7,
    rounds=30,
    trouble="",
    round_s=2.5,
    age_s=1.0,
    limit_s=60.0,
    updates={"heard": 12, "missing": 2},
    traffic={
        "messages_sent": 14,
        "messages_received": 12,
        "messages_lost": 1,
        "bytes_sent": 2000,
        "bytes_received": 1800,
    },
    refused={"replay": 3, "of a peer's own making": 2, "too often": 1},
    refusals=[{"unix_s": 0.0, "who": "b (127.0.0.1)", "reason": "refused-us", "detail": "\x1b[2J[red]"}],
    neighbours=[
        Seen("b", "here", 7, 0, shut_out=False),
        Seen('c "the\\second"', "gone", 4, 3, shut_out=True),
        Seen("d", "gone", None, None, shut_out=False),
    ],
    scores={"accuracy": 0.75, "loss": 0.5},
    memory_bytes=None,
    descriptors=9,
    tasks=20,
)


def samples(vitals: Vitals) -> dict[tuple[str, ...], float]:
    """What Prometheus reads: by name and label values, in the order of the text."""
    families = text_string_to_metric_families(exposition(vitals).decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus_reads_all_that_a_node_counts() -> None:
    read = samples(VITALS)
    wanted = {
        ("gossipfl_healthy",): 1,
        ("gossipfl_boot_epoch",): VITALS.epoch,
        ("gossipfl_round",): 7,
        ("gossipfl_rounds",): 30,
        ("gossipfl_round_seconds",): 2.5,
        ("gossipfl_updates_total", "heard"): 12,
        ("gossipfl_updates_total", "missing"): 2,
        ("gossipfl_updates_total", "stale"): 0,
        ("gossipfl_bytes_received_total",): 1800,
        ("gossipfl_messages_lost_total",): 1,
        ("gossipfl_refusals_total", "replay"): 3,
        ("gossipfl_refusals_total", "too often"): 1,
        ("gossipfl_refusals_total", "forged"): 0,
        ("gossipfl_neighbours", "here"): 1,
        ("gossipfl_neighbours", "late"): 0,
        ("gossipfl_neighbours", "suspected"): 0,
        ("gossipfl_neighbours", "gone"): 2,
        ("gossipfl_neighbour_lag_rounds", 'c "the\\second"'): 3,
        ("gossipfl_shut_out",): 1,
        ("gossipfl_score", "accuracy"): 0.75,
        ("process_open_fds",): 9,
    }
    assert {name: read[name] for name in wanted} == wanted
    assert ("process_resident_memory_bytes",) not in read
    assert ("gossipfl_neighbour_lag_rounds", "d") not in read


def test_no_label_is_made_of_a_word_that_is_not_known() -> None:
    read = samples(VITALS)
    assert read["gossipfl_refusals_total", OTHER] == 2
    assert {name[1] for name in read if name[0] == "gossipfl_refusals_total"} == set(REASONS)


def test_every_reason_that_there_is_has_a_series() -> None:
    """Else it would be counted under another."""
    said = re.compile(r'(?:RemoteProtocolError\(|[Rr]efused\([\w.]+, |_beyond\()\s*"([a-z -]+)"')
    package = Path(__file__).parents[2] / "gossipfl"
    found = {
        reason
        for room in ("node", "protocol", "learn")
        for file in (package / room).rglob("*.py")
        for reason in said.findall(file.read_text("utf-8"))
    }
    demanded = re.compile(r'_demand\([^\n]*, "([a-z-]+)", "')
    found |= set(demanded.findall((package / "protocol" / "wire.py").read_text("utf-8")))
    table = re.compile(r'^    (?:"[A-Z0-9_]+"|\d+): "([a-z-]+)"', re.MULTILINE)
    found |= set(table.findall((package / "node" / "tls.py").read_text("utf-8")))
    assert len(found) > 30
    assert found <= set(REASONS)


def test_a_model_that_is_no_number_is_told_as_prometheus_tells_it() -> None:
    read = samples(replace(VITALS, scores={"loss": math.nan, "r2": -math.inf}))
    assert math.isnan(read["gossipfl_score", "loss"])
    assert read["gossipfl_score", "r2"] == -math.inf
    assert 'metric="loss"} NaN\n' in exposition(replace(VITALS, scores={"loss": math.nan})).decode()


class Clock:
    """Seconds that pass when the test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def health(pulse: Pulse) -> tuple[int, Any]:
    page = pages(lambda: replace(VITALS, trouble=pulse.trouble))["/health"]()
    return page.status, json.loads(page.body)


def test_health_turns_when_no_round_is_closed_in_many_times_the_usual() -> None:
    clock = Clock()
    pulse = Pulse(3600.0, clock)
    for _ in range(RECENT):
        clock.now_s += 20.0
        pulse.closed(20.0)
    clock.now_s += FACTOR * 20.0
    assert health(pulse) == (200, {"healthy": True, "why": "", "round": 7, "rounds": 30})
    clock.now_s += 0.5
    status, words = health(pulse)
    assert (status, words["healthy"]) == (503, False)
    assert words["why"].startswith("no round was closed for 200 s")
    pulse.closed(200.5)
    assert health(pulse)[0] == 200
    assert pulse.limit_s == FACTOR * 20.0  # one long round is not yet usual


def test_quick_rounds_may_pause_and_a_node_may_wait_for_others() -> None:
    clock = Clock()
    pulse = Pulse(3600.0, clock)

    def stuck_after(seconds: float) -> bool:
        clock.now_s += seconds
        return bool(pulse.trouble)

    assert not stuck_after(3600.0 + FIRST_S)
    assert stuck_after(1.0)
    pulse.closed(0.01)
    assert not stuck_after(FLOOR_S)
    assert stuck_after(1.0)


def test_status_is_the_same_as_json() -> None:
    page = pages(lambda: VITALS)["/status"]()
    told = json.loads(page.body)
    assert (page.status, told["epoch"], told["neighbours"][1]["lag"]) == (200, VITALS.epoch, 3)
    assert json.loads(pages(lambda: replace(VITALS, scores={"loss": math.nan}))["/status"]().body)[
        "scores"
    ] == {"loss": None}


def test_what_peers_said_cannot_colour_or_clear_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    told = json.loads(pages(lambda: VITALS)["/status"]().body)
    words = "\n".join(lines(told))
    assert "?[2J[red]" in words
    assert "b: here, in round 7\n" in words
    assert "d: not here yet\n" in words
    assert 'c "the\\second": shut out, in round 4, 3 behind' in words
    Console(force_terminal=True, width=100).print(draw(told))
    shown = capsys.readouterr().out
    assert "?[2J[red]" in shown
    assert "\x1b[2J" not in shown


def test_the_page_for_operators_names_every_metric_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    there = {name[0] for name in samples(replace(VITALS, memory_bytes=1))}
    assert set(re.findall(r"\b(?:gossipfl|process)_[a-z_]+", page)) == there
