"""What one peer makes of a neighbour's words, when some are lost, a life ends, or one comes late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.choco import Choco
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.links import Flows, Relayed, Sums, flowed
from gossipfl.learn.compressors import build_compressor
from gossipfl.learn.contracts import Array, Link, Payload
from gossipfl.protocol.correspondence import Correspondence, Taken, corresponding
from gossipfl.protocol.messages import Update

A, B = 0, 1


@dataclass(frozen=True)
class Summing(Dpsgd):
    """D-PSGD over sums."""

    link: ClassVar[Link] = Sums((0,))


@dataclass(frozen=True)
class Relaying(Dpsgd):
    """D-PSGD over relays."""

    link: ClassVar[Link] = Relayed()


class Pair:
    """Two peers of which A talks to B; `say` returns the update, `hear` what B makes of it."""

    def __init__(self, algorithm: Any, late: bool = False) -> None:
        self.algorithm, self.late = algorithm, late
        self.state = algorithm.start(np.zeros(1))
        self.ours = corresponding(algorithm, np.zeros(1))
        self.theirs = corresponding(algorithm, np.zeros(1))
        self.sequence = self.epoch = 0

    def say(self, value: float) -> Update:
        state = self.algorithm.learned(self.state, np.array([value]))
        spoken, self.state = self.algorithm.speak(state, np.asarray(0.5), Draws(0, A))
        payload, whole = self.ours.tell(B, spoken, self.state)
        self.sequence += 1
        return Update(self.sequence, self.epoch, self.sequence, 1, 1, payload, whole)

    def hear(self, *updates: Update) -> float | None:
        taken = self.theirs.take(A, updates, self.state, self.late)
        return None if taken is None else float(taken.payload[0][0])

    def end_life(self) -> None:
        """A dies and starts again, having forgotten everything."""
        self.ours, self.sequence, self.epoch = corresponding(self.algorithm, np.zeros(1)), 0, self.epoch + 1


def test_sums_bring_what_was_lost_with_the_next_update() -> None:
    pair = Pair(Summing())
    assert pair.hear(pair.say(1.0)) == 1.0
    pair.say(2.0)  # is lost
    assert pair.hear(pair.say(4.0)) == 6.0


def test_of_two_sums_that_wait_both_count_once() -> None:
    pair = Pair(Summing())
    assert pair.hear(pair.say(1.0), pair.say(2.0)) == 3.0
    assert pair.hear(pair.say(4.0)) == 4.0


def test_the_sums_of_a_new_life_begin_anew() -> None:
    pair = Pair(Summing())
    assert pair.hear(pair.say(5.0)) == 5.0
    pair.end_life()
    assert pair.hear(pair.say(3.0)) == 3.0


def test_a_newcomer_is_told_all_that_was_said_since_it_came_and_nothing_older() -> None:
    pair = Pair(Summing())
    pair.hear(pair.say(100.0))
    pair.ours.left(B)
    pair.theirs, pair.late = corresponding(pair.algorithm, np.zeros(1)), True
    pair.ours.rejoined(B)
    assert pair.hear(pair.say(1.0)) is None  # it has nothing to build on
    pair.ours.missed(B)
    whole = pair.say(2.0)
    assert whole.whole
    assert pair.hear(whole) == 3.0
    assert pair.hear(pair.say(4.0)) == 4.0


def test_a_link_that_closed_for_a_while_loses_nothing_of_a_sum() -> None:
    pair = Pair(Summing())
    pair.hear(pair.say(1.0))
    pair.say(2.0)  # on its way when the link closes
    for one, other in ((pair.ours, B), (pair.theirs, A)):
        one.left(other)
        one.rejoined(other)
    assert pair.hear(pair.say(4.0)) == 6.0


def test_a_relay_leaves_out_what_came_from_the_other_side() -> None:
    pair = Pair(Relaying())
    there = pair.say(7.0)
    assert pair.hear(there) == 7.0
    spoken, _ = pair.algorithm.speak(pair.algorithm.start(np.array([10.0])), np.asarray(0.5), Draws(0, B))
    back, _ = pair.theirs.tell(A, spoken, None)
    assert back[0][0] == 10.0 - 7.0


def gone(letters: Correspondence) -> float:
    taken = letters.left(A)
    assert isinstance(taken, Taken)
    return float(taken.payload[0][0])


def test_what_a_dead_neighbour_relayed_is_taken_back_and_its_last_words_are_void() -> None:
    pair = Pair(Relaying())
    pair.hear(pair.say(7.0))
    waiting = pair.say(9.0)
    assert gone(pair.theirs) == -7.0
    assert pair.hear(waiting) is None
    pair.theirs.rejoined(A)
    pair.end_life()
    assert pair.hear(pair.say(5.0)) == 5.0


def test_nothing_is_taken_back_of_whom_nothing_was_known() -> None:
    assert Pair(Relaying()).theirs.left(A) is None
    assert Pair(Summing()).theirs.left(A) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_ends_agree_on_what_flowed_once_both_have_heard_each_other(dtype: type) -> None:
    link, draws = Flows(), Draws(1)
    nothing: Payload = (np.zeros(3, dtype), np.zeros(3, dtype), np.zeros(1))
    told, held = [nothing, nothing], [nothing, nothing]
    widths = (np.array([0.5]), np.array([2.0]))
    for turn in range(40):
        potentials: Array = draws.normal("potential", 6, turn).reshape(2, 3).astype(dtype)
        spoken: list[Payload] = [(potentials[i], np.zeros(3, dtype), widths[i]) for i in range(2)]
        told = [link.tell(spoken[i], told[i], held[i]) for i in range(2)]
        lost = draws.uniform("loss", 2, turn) < 0.4 if turn < 38 else np.zeros(2, bool)
        held = [held[i] if lost[i] else told[1 - i] for i in range(2)]
    one, other = (flowed(told[i], held[i]) for i in range(2))
    assert np.abs(one).max() > 0.1
    np.testing.assert_array_equal(one, -other)


def test_a_gap_in_codes_is_noticed_and_the_next_update_is_whole() -> None:
    pair = Pair(Choco(build_compressor("float16")))
    assert pair.hear(pair.say(1.0)) == 1.0
    pair.say(2.0)  # is lost
    assert pair.hear(pair.say(3.0)) is None
    pair.ours.missed(B)
    whole = pair.say(4.0)
    assert whole.whole
    assert pair.hear(whole) == 4.0
    assert pair.hear(pair.say(5.0)) == 5.0


def test_whoever_was_not_told_a_code_is_told_the_whole_next() -> None:
    pair = Pair(Choco(build_compressor("float16")))
    pair.ours.skip([B])
    assert pair.say(1.0).whole
    assert not pair.say(2.0).whole


def test_words_that_stand_alone_are_taken_as_they_are() -> None:
    pair = Pair(Dpsgd(), late=True)
    pair.say(1.0)
    assert pair.hear(pair.say(2.0), pair.say(3.0)) == 3.0
