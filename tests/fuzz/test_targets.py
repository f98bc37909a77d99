"""Whatever bytes come from outside, each reader takes them, or refuses them with a reason it promised."""

from __future__ import annotations

import struct
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
if SCRIPTS not in sys.path:
    sys.path.append(SCRIPTS)  # the targets are those of scripts/fuzz, and each is a test of its own


def room(name: str) -> Any:
    return import_module(f"fuzzing.{name}")


TARGETS: dict[str, Any] = room("targets").TARGETS
Lot, mutated, mutated_stream = room("lot").Lot, room("mutants").mutated, room("mutants").mutated_stream
alike_each_time = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("name", TARGETS)
def test_real_values_and_all_that_is_kept_are_read_or_refused(name: str) -> None:
    kept = [path.read_bytes() for path in room("corpus").kept(name)]
    outcomes = [TARGETS[name].read(data) for data in (*TARGETS[name].seeds(), b"", *kept)]
    assert any(outcome in ("read", "heard") for outcome in outcomes)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_made_of_real_values_is_read_or_refused(name: str) -> None:
    target, seeds = TARGETS[name], list(TARGETS[name].seeds())

    @alike_each_time
    @given(st.sampled_from(seeds), st.binary(min_size=8, max_size=100))
    def holds(seed: bytes, choices: bytes) -> None:
        target.read(mutated(seed, Lot(choices), seeds))

    holds()


@alike_each_time
@given(st.binary(min_size=8, max_size=400))
def test_how_a_stream_is_cut_changes_nothing_of_what_is_heard_or_refused(choices: bytes) -> None:
    stream = mutated_stream(Lot(choices))
    outcomes = {
        TARGETS["stream"].read(stream[:1] + bytes([cutting]) + stream[2:]) for cutting in (0, 64, 65, 66)
    }
    assert len(outcomes) == 1


def test_mutated_streams_reach_all_reasons_to_refuse_and_hold_no_more_than_was_agreed() -> None:
    done = room("campaign").batch(0, 6000, seed=1)
    assert done.failures == []
    reasons = "sender signature run manifest epoch digest body-length malformed round oversized-header"
    expected = {f"refused: {reason}" for reason in reasons.split()}
    assert expected | {"heard", "silence"} <= set(done.outcomes)


def test_a_bug_in_a_decoder_is_found_and_its_input_shows_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(header: bytes, rounds: int) -> object:
        return struct.unpack(">BB", header)

    monkeypatch.setattr("gossipfl.protocol.session.decode_begun", careless)
    first, *_ = room("campaign").batch(0, 500, seed=0).failures
    assert "struct.error" in first.error
    with pytest.raises(struct.error):
        TARGETS["stream"].read(first.data)
    monkeypatch.undo()
    TARGETS["stream"].read(first.data)


def test_each_target_has_a_corpus_of_its_own_and_all_are_small() -> None:
    corpus = room("corpus")
    folders = {path.name for path in corpus.FOLDER.iterdir()}
    assert folders <= set(TARGETS)
    assert sum(path.stat().st_size for name in folders for path in corpus.kept(name)) < 400_000
