"""Draws are a pure function of their coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.draws import Draws, philox4x32

# Known answers published with Random123 (kat_vectors, philox4x32, 10 rounds).
KNOWN = [
    ([0, 0, 0, 0], (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(counter: list[int], key: tuple[int, int], answer: str) -> None:
    words = philox4x32(np.array(counter, np.uint64), key)
    assert " ".join(f"{int(word):08x}" for word in words) == answer


def test_one_peer_and_a_crowd_draw_the_same_numbers() -> None:
    crowd = Draws(seed=7, peer=np.arange(5), round=3)
    for peer in range(5):
        alone = Draws(seed=7, peer=peer, round=3)
        assert np.array_equal(alone.uniform("a", 9), crowd.uniform("a", 9)[peer])
        assert np.array_equal(alone.permutation("a", 9), crowd.permutation("a", 9)[peer])
        assert np.array_equal(alone.normal("a", 9), crowd.normal("a", 9)[peer])


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    draws = Draws(seed=1, peer=2, round=3)
    assert np.array_equal(draws.words("a", 100)[:7], draws.words("a", 7))


def test_each_coordinate_changes_the_draw() -> None:
    reference = Draws(seed=1, peer=2, round=3).words("a", 4)
    others = [
        Draws(seed=2, peer=2, round=3).words("a", 4),
        Draws(seed=1 << 40, peer=2, round=3).words("a", 4),
        Draws(seed=1, peer=3, round=3).words("a", 4),
        Draws(seed=1, peer=2, round=4).words("a", 4),
        Draws(seed=1, peer=2, round=3).words("b", 4),
        Draws(seed=1, peer=2, round=3).words("a", 4, lane=1),
    ]
    assert not any(np.array_equal(reference, other) for other in others)


def test_uniform_numbers_are_uniform_and_normal_ones_normal() -> None:
    draws = Draws(seed=5)
    uniform, normal = draws.uniform("u", 100_000), draws.normal("n", 100_000)
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0
    assert abs(uniform.mean() - 0.5) < 0.005
    assert abs(normal.mean()) < 0.015
    assert abs(normal.std() - 1.0) < 0.01


def test_a_permutation_holds_each_index_once() -> None:
    assert sorted(Draws(seed=5).permutation("p", 50).tolist()) == list(range(50))
