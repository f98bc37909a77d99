"""A node that is told to be slow trains as before, and sleeps."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.cli.slowness import SLOW, TRAINING_S, Phase, environment, slowed
from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array

ZERO = np.zeros(2)


class Bench:
    """A training of half a second on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0

    def fit(self, vector: Array, round_: int, drift: Array | None) -> Array:
        self.now += 0.5
        return vector + round_

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def takes_s(self, told: dict[str, str], round_: int) -> float:
        began = self.now
        fitted = slowed(self.fit, told, self.sleep, lambda: self.now)(ZERO, round_, None)
        assert np.array_equal(fitted, ZERO + round_)
        return self.now - began


def test_training_takes_as_many_times_longer_as_is_told() -> None:
    told = environment([Phase(20.0)])
    assert Bench().takes_s(told, 3) == pytest.approx(10.0)


def test_a_slow_phase_ends_and_adds_to_what_is_always_slow() -> None:
    told = environment([Phase(2.0), Phase(8.0, 10, 20)])
    assert [Bench().takes_s(told, round_) for round_ in (9, 10, 20, 21)] == pytest.approx(
        [1.0, 8.0, 8.0, 1.0]
    )


def test_training_takes_the_least_time_that_is_told() -> None:
    assert Bench().takes_s(environment([], 2.0), 1) == pytest.approx(2.0)
    assert Bench().takes_s(environment([Phase(3.0)], 2.0), 1) == pytest.approx(6.0)
    assert Bench().takes_s(environment([], 0.1), 1) == pytest.approx(0.5)


def test_whoever_is_told_nothing_is_not_wrapped() -> None:
    bench = Bench()
    assert environment([]) == {}
    assert slowed(bench.fit, {}) == bench.fit


@pytest.mark.parametrize("told", [{SLOW: "fast"}, {SLOW: "x2,10-x3"}, {TRAINING_S: "soon"}])
def test_an_environment_that_cannot_be_read_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="or unset it"):
        slowed(Bench().fit, told)
