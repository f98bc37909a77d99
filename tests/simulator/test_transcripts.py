"""Conversations between peers, compared word by word with those in tests/transcripts.

When the protocol changes on purpose: `GOSSIPFL_TRANSCRIPTS=write pytest tests/simulator/test_transcripts.py`
writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from liars import Equivocation
from worlds import World, complete, ring

from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults import Lost, Pass, Schedule, Verdict
from gossipfl.testing.transcript import Transcript

FOLDER = Path(__file__).parents[1] / "transcripts"
WRITES = os.environ.get("GOSSIPFL_TRANSCRIPTS") == "write"


class Without:
    """Loses what `from_` says to `to` of `round`, once."""

    def __init__(self, from_: PeerId, to: PeerId, round: int) -> None:
        self.lost = from_, to, round

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        is_it = isinstance(message, Update) and (sender, to, message.round) == self.lost
        return Lost() if is_it else Pass()


ONE_LIES = Equivocation({3: frozenset({0})}, begins=2)

SCENARIOS: dict[str, Callable[[Transcript], World]] = {
    "two-peers-three-rounds": lambda t: World(ring(2), witness=t.witness),
    "one-is-killed": lambda t: World(complete(3), schedule=Schedule(kills={2: 2}), witness=t.witness),
    "one-is-slow": lambda t: World(complete(3), rounds=24, slow={2: 20.0}, witness=t.witness),
    "a-late-joiner-adopts": lambda t: World(
        complete(3), rounds=6, schedule=Schedule(kills={2: 1}, restarts={2: 3}), witness=t.witness
    ),
    "an-update-is-lost": lambda t: World(complete(3), rules=(Without(0, 1, 2),), witness=t.witness),
    "one-never-comes": lambda t: World(complete(3), schedule=Schedule(kills={2: 1}), witness=t.witness),
    "one-says-two-things": lambda t: World(
        complete(4), rounds=4, rules=(ONE_LIES,), watches=True, witness=t.witness
    ),
    "a-nan-update-is-refused": lambda t: World(complete(3), liar=2, witness=t.witness),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_peers_talk_as_written_down(name: str) -> None:
    transcript = Transcript()
    SCENARIOS[name](transcript).run()
    path = FOLDER / f"{name}.txt"
    if WRITES:
        path.write_text(str(transcript), encoding="utf-8", newline="\n")
    assert str(transcript) == path.read_text(encoding="utf-8")


def test_every_transcript_is_still_told() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(SCENARIOS)
