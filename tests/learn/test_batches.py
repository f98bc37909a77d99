"""Which rows a peer trains on, and when."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.batches import Plan, plans, shuffled
from gossipfl.learn.contracts import Array, Samples

PEERS = np.arange(6)
COUNTS = np.array([10, 3, 0, 33, 8, 9])


def crowd() -> Samples:
    parts: list[Array] = [np.arange(count) + 100 * peer for peer, count in enumerate(COUNTS)]
    return Samples.parts(np.zeros((600, 1)), np.zeros(600), parts)


def all_plans(batch: int, steps: Array, peers_max: int = 100) -> list[Plan]:
    return list(plans((6,), crowd(), batch, steps, peers_max))


def taken(batch: int, steps: Array, peers_max: int = 100) -> dict[int, list[list[int]]]:
    """The batches that each peer takes."""
    seen: dict[int, list[list[int]]] = {peer: [] for peer in range(6)}
    for plan in all_plans(batch, steps, peers_max):
        for rows, valid in plan.batches(Draws(1, PEERS[plan.peers])):
            for peer, row, counted in zip(plan.peers, rows, valid, strict=False):
                seen[int(peer)].append(row[counted].tolist())
    return seen


@pytest.mark.parametrize("batch", [1, 4, 8, 32, 1000])
def test_an_epoch_takes_each_sample_once_in_full_batches_but_the_last(batch: int) -> None:
    seen = taken(batch, -(-COUNTS // batch))
    for peer, count in enumerate(COUNTS):
        rows = [row for part in seen[peer] for row in part]
        assert sorted(rows) == [100 * peer + i for i in range(count)]
        assert all(len(part) == batch for part in seen[peer][:-1])


def test_steps_go_on_over_epochs_each_in_another_order() -> None:
    seen = taken(5, np.where(COUNTS > 0, 6, 0))
    assert [len(part) for part in seen[0]] == [5] * 6
    epochs = [seen[0][i] + seen[0][i + 1] for i in (0, 2, 4)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert [len(part) for part in seen[1]] == [3] * 6
    assert seen[2] == []


def test_the_size_of_blocks_changes_nothing() -> None:
    steps = 2 * -(-COUNTS // 4)
    assert taken(4, steps, peers_max=1) == taken(4, steps)


def test_a_short_batch_is_filled_up_with_rows_of_its_own_peer() -> None:
    for plan in all_plans(8, -(-COUNTS // 8)):
        for rows, _ in plan.batches(None):
            assert (rows // 100 == plan.peers[: len(rows), None]).all()


def test_the_order_of_a_peer_does_not_depend_on_padding() -> None:
    rows, counts = np.arange(40)[None], np.array([7])
    wide = shuffled(rows, counts, Draws(1, np.array([3])), 2)
    narrow = shuffled(rows[:, :7], counts, Draws(1, np.array([3])), 2)
    assert wide[0, :7].tolist() == narrow[0].tolist()
    assert sorted(narrow[0].tolist()) == list(range(7))


def test_every_order_of_three_comes_as_often_as_every_other() -> None:
    peers, rows = np.arange(6000), np.broadcast_to(np.arange(3), (6000, 3))
    orders = shuffled(rows, np.full(6000, 3), Draws(1, peers), 0)
    _, often = np.unique(orders @ np.array([9, 3, 1]), return_counts=True)
    assert len(often) == 6
    assert abs(often - 1000).max() < 120
