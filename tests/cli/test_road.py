"""What the way between two processes does to bytes: late, in order, spoilt by chance; never lost."""

from __future__ import annotations

import pytest

from gossipfl.cli.road import RETRANSMISSION_S, SEGMENT_BYTES, UPDATE_BYTES_MIN, Road, Weather


def test_in_fair_weather_bytes_arrive_at_once_and_whole() -> None:
    road = Road(0, 1, Weather())
    assert Weather().fair
    assert road.arrival(10_000, 3.0) == 3.0
    assert road.carried(b"x" * 10_000) == b"x" * 10_000


def test_jitter_puts_nothing_out_of_order() -> None:
    late = iter([0.5, 0.1, 0.3])
    road = Road(0, 1, Weather(latency_s=lambda *_: next(late)))
    assert [road.arrival(1, now) for now in (0.0, 0.1, 0.6)] == [0.5, 0.5, pytest.approx(0.9)]


def test_pieces_queue_behind_one_another_for_bandwidth() -> None:
    road = Road(0, 1, Weather(bandwidth_mbps=8.0))  # a million bytes a second
    assert road.arrival(500_000, 1.0) == pytest.approx(1.5)
    assert road.arrival(500_000, 1.0) == pytest.approx(2.0)
    assert road.arrival(500_000, 9.0) == pytest.approx(9.5)


def test_loss_makes_a_segment_late_by_timeouts_that_double() -> None:
    late_s = [Road(0, 1, Weather(loss=0.5, seed=seed)).arrival(100, 0.0) for seed in range(4_000)]
    shares = [
        sum(s == pytest.approx(RETRANSMISSION_S * (2**k - 1)) for s in late_s) / 4_000 for k in range(4)
    ]
    assert shares == [pytest.approx(0.5 ** (k + 1), abs=0.03) for k in range(4)]


def test_the_unluckiest_of_many_segments_holds_up_the_piece() -> None:
    in_time = 0
    for seed in range(4_000):
        in_time += Road(0, 1, Weather(loss=0.1, seed=seed)).arrival(10 * SEGMENT_BYTES, 0.0) == 0.0
    assert in_time / 4_000 == pytest.approx(0.9**10, abs=0.03)


def test_corruption_flips_one_bit_of_some_pieces_that_are_large_enough() -> None:
    road = Road(0, 1, Weather(corrupt=0.25))
    whole = bytes(UPDATE_BYTES_MIN)
    carried = [road.carried(whole) for _ in range(2_000)]
    spoilt = [data for data in carried if data != whole]
    assert len(spoilt) / 2_000 == pytest.approx(0.25, abs=0.04)
    assert all(sum(data) == 1 and len(data) == len(whole) for data in spoilt)
    assert road.carried(b"ping") == b"ping"


def test_the_same_seed_makes_the_same_weather_on_each_road() -> None:
    def weather(seed: int, to: int) -> list[float]:
        road = Road(0, to, Weather(loss=0.3, seed=seed))
        return [road.arrival(SEGMENT_BYTES, float(100 * i)) for i in range(50)]

    assert weather(1, 1) == weather(1, 1)
    assert weather(1, 1) != weather(2, 1)
    assert weather(1, 1) != weather(1, 2)
