"""Each compressor against what it promises: sizes on the wire, bias, extremes, hostile codes, settings."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gossipfl.draws import Draws
from gossipfl.errors import RemoteProtocolError, SettingsError
from gossipfl.learn.compressors import COMPRESSORS, build_compressor
from gossipfl.learn.compressors.blocks import Int8Blocks
from gossipfl.learn.compressors.casts import BFloat16, Float16
from gossipfl.learn.compressors.lowrank import LowRank
from gossipfl.learn.compressors.packing import Places, packed, packed_bytes, unpacked
from gossipfl.learn.compressors.qsgd import Qsgd
from gossipfl.learn.compressors.sign import Sign
from gossipfl.learn.compressors.sparse import RandomK, TopK
from gossipfl.learn.contracts import Array, Compressor, Payload
from gossipfl.protocol.layout import body_buffers, layout_of, split_body

SIZES = (1, 7, 650, 2000)
FLOATS = ("float32", "float64")


def vector_of(size: int, dtype: str = "float32", peers: int = 1) -> Array:
    """Normal numbers (peers, size) of falling size, as the differences of models are."""
    normal = Draws(5, np.arange(peers)).normal("vector", size)
    return (normal / np.sqrt(1 + np.arange(size))).astype(dtype)


def there_and_back(compressor: Compressor, vector: Array, draws: Draws) -> Array:
    """`vector` as the other end of a wire has it, byte for byte."""
    code = compressor.encode(vector, draws)
    arrived = split_body(b"".join(body_buffers(code)), layout_of(code))
    return compressor.decode(arrived, vector)


def sent_bytes(compressor: Compressor, size: int, dtype: str = "float32") -> int:
    return sum(part.nbytes for part in compressor.encode(vector_of(size, dtype)[0], Draws(1, 0)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMPRESSORS)
def test_no_more_is_lost_than_is_allowed(name: str, size: int, dtype: str) -> None:
    compressor, trials = build_compressor(name), 100
    vector = np.repeat(vector_of(size, dtype), trials, axis=0)
    decoded = there_and_back(compressor, vector, Draws(1, np.arange(trials)))
    lost = np.square(decoded - vector, dtype=np.float64).sum(axis=1)
    whole = np.square(vector[0], dtype=np.float64).sum()
    error = 4 * lost.std() / math.sqrt(trials) + whole * np.finfo(dtype).eps
    assert lost.mean() <= (1 - compressor.kept(size)) * whole + error


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 16, 256])
@pytest.mark.parametrize("size", [1, 7, 650])
def test_qsgd_is_without_bias_but_for_its_factor(size: int, levels: int) -> None:
    compressor, trials = Qsgd(levels), 4000 if size < 650 else 400
    vector = np.repeat(vector_of(size, "float64"), trials, axis=0)
    decoded = there_and_back(compressor, vector, Draws(1, np.arange(trials))) / compressor.kept(size)
    step = np.linalg.norm(vector[0]) / levels
    chance = np.abs(vector[0]) / step % 1
    # Five standard errors; and five draws, for what is drawn too seldom to have one.
    allowed = 5 * step * (np.sqrt(chance * (1 - chance) / trials) + 1 / trials)
    np.testing.assert_array_less(np.abs(decoded.mean(axis=0) - vector[0]), allowed)


@pytest.mark.parametrize("levels", [4, 16, 256])
def test_a_lone_coordinate_reaches_the_last_level_with_either_sign(levels: int) -> None:
    vector = np.zeros((2, 9), np.float32)
    vector[:, 4] = 3, -3
    decoded = there_and_back(Qsgd(levels), vector, Draws(1, np.arange(2)))
    np.testing.assert_allclose(decoded / Qsgd(levels).kept(9), vector, rtol=1e-6)


@pytest.mark.parametrize(("levels", "bits"), [(1, 2), (2, 3), (3, 3), (4, 3), (16, 5), (100, 8), (256, 9)])
def test_qsgd_takes_a_sign_and_the_bits_of_its_levels(levels: int, bits: int) -> None:
    assert sent_bytes(Qsgd(levels), 2000) == 2000 * bits / 8 + 4


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_bytes_on_the_wire_are_as_computed(size: int, dtype: str) -> None:
    width, side = np.dtype(dtype).itemsize, math.ceil(math.sqrt(size))
    count = max(1, round(0.1 * size))
    places = Places(count, size).bytes
    expected: dict[str, tuple[int, dict[str, Any]]] = {
        "none": (size * width, {}),
        "float16": (2 * size, {}),
        "bfloat16": (2 * size, {}),
        "int8": (size + 4 * math.ceil(size / 64), {"block": 64}),
        "sign": (math.ceil(size / 8) + 4 * math.ceil(size / 64), {"block": 64}),
        "top-k": (places + count * width, {"share": 0.1, "values": "none"}),
        "random-k": (8 + 2 * count, {"share": 0.1, "values": "float16"}),
        "low-rank": ((side + math.ceil(size / side)) * width, {}),
    }
    for name, (wanted, options) in expected.items():
        assert sent_bytes(build_compressor(name, **options), size, dtype) == wanted, name


@pytest.mark.parametrize("size", [7, 650, 2000, 7850, 100_000])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3, 1.0])
def test_places_take_less_than_indices_and_than_a_bit_per_coordinate(size: int, share: float) -> None:
    count = max(1, round(share * size))
    index_bytes = 2 if size < 65_536 else 4
    # A few bytes more are for what does not fill its last byte.
    assert Places(count, size).bytes <= min(math.ceil(size / 8), count * index_bytes + 8)
    entropy = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
    assert Places(count, size).bytes * 8 * math.log(2) >= entropy


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_places_come_back_as_they_were(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3000))
    indices = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=100))
    places = Places(len(indices), size)
    octets = places.encode(np.array([sorted(indices)]))
    assert octets.shape == (1, places.bytes)
    assert places.decode(octets).tolist() == [sorted(indices)]


@given(st.integers(0, 17), st.data())
@settings(max_examples=60, deadline=None)
def test_symbols_come_back_as_they_were(bits: int, data: st.DataObject) -> None:
    symbols = np.array(data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=40)))
    octets = packed(symbols, bits)
    assert octets.shape == (packed_bytes(len(symbols), bits),)
    np.testing.assert_array_equal(unpacked(octets, len(symbols), bits), symbols)


def test_top_k_sends_the_largest_and_of_equal_ones_the_first() -> None:
    vector = np.array([[1, -3, 2, 3, 2, 2], [0, 0, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5]], np.float32)
    decoded = there_and_back(TopK(0.5, build_compressor("none")), vector, Draws(1, np.arange(3)))
    assert decoded.tolist() == [[0, -3, 2, 3, 0, 0], [0] * 6, [5, 5, 5, 0, 0, 0]]


@pytest.mark.parametrize(("share", "size"), [(0.01, 650), (0.3, 10), (0.7, 10), (1.0, 7)])
def test_random_k_sends_k_coordinates_each_as_often(share: float, size: int) -> None:
    trials, count = 4000, max(1, round(share * size))
    ones = np.ones((trials, size), np.float32)
    sent = there_and_back(RandomK(share, build_compressor("none")), ones, Draws(3, np.arange(trials)))
    assert (sent.sum(axis=1) == count).all()
    chance = count / size
    error = math.sqrt(chance * (1 - chance) / trials)
    np.testing.assert_allclose(sent.mean(axis=0), chance, atol=5 * error)


def test_a_matrix_of_low_rank_comes_back_whole() -> None:
    draws = Draws(2)
    left, right = draws.normal("left", 50).reshape(25, 2), draws.normal("right", 50).reshape(2, 25)
    vector = (left @ right).ravel()
    np.testing.assert_allclose(there_and_back(LowRank(2), vector, Draws(1, 0)), vector, atol=1e-12)


def test_int8_rounds_to_the_nearest_step_of_its_block() -> None:
    vector = np.array([127, 1.4, -2.6, 0.3, 12.7, -0.04], np.float32)
    steps, step = Int8Blocks(4).encode(vector, Draws(1, 0))
    assert steps.tolist() == [127, 1, -3, 0, 127, 0]
    np.testing.assert_allclose(step, [1, 0.1], rtol=1e-6)


def test_signs_carry_the_mean_magnitude_of_their_block() -> None:
    vector = np.array([1, -3, 2, -2, -5, 0], np.float32)
    assert there_and_back(Sign(4), vector, Draws(1, 0)).tolist() == [2, -2, 2, -2, -2.5, 2.5]


def test_signs_keep_nine_tenths_of_the_largest_of_normal_numbers() -> None:
    vector = Draws(1).normal("vector", 2000)
    decoded = [
        there_and_back(build_compressor("top-k", share=0.1, values=values), vector, Draws(1, 0))
        for values in ("none", "sign")
    ]
    assert np.square(decoded[1] - decoded[0]).sum() < 0.1 * np.square(decoded[0]).sum()


def test_bfloat16_rounds_to_nearest_even() -> None:
    ulp = 2.0**-7
    vector = np.array([1 + ulp / 2, 1 + 3 * ulp / 2, -1 - 0.51 * ulp, 0.0, -0.0], np.float32)
    decoded = there_and_back(BFloat16(), vector, Draws(1, 0))
    assert decoded.tolist() == [1, 1 + 2 * ulp, -1 - ulp, 0, 0]


@pytest.mark.parametrize("large", [1e30, 3.4e38])
@pytest.mark.parametrize("name", COMPRESSORS)
def test_the_largest_numbers_do_not_become_infinite(name: str, large: float) -> None:
    vector = np.array([large, -large, large, 0, 1], np.float32)
    decoded = there_and_back(build_compressor(name), vector, Draws(1, 0))
    assert np.isfinite(decoded).all()
    assert np.linalg.norm(decoded.astype(np.float64)) <= 1.01 * np.linalg.norm(vector.astype(np.float64))


@pytest.mark.parametrize("name", COMPRESSORS)
def test_numbers_too_small_to_square_are_no_trouble(name: str) -> None:
    vector = np.array([1e-42, -3e-45, 0, 1e-45, 2e-44, 1e-40], np.float32)
    decoded = there_and_back(build_compressor(name), vector, Draws(1, 0))
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max() <= 1.1 * np.abs(vector).max()


def test_float16_keeps_to_its_range() -> None:
    vector = np.array([1e6, -1e6, 65_504, 1e-9], np.float64)
    assert there_and_back(Float16(), vector, Draws(1, 0)).tolist() == [65_504, -65_504, 65_504, 0]


@given(st.sampled_from(sorted(COMPRESSORS)), st.sampled_from([1, 7, 130]), st.data())
@settings(max_examples=100, deadline=None)
def test_a_hostile_code_is_refused_or_finite(name: str, size: int, data: st.DataObject) -> None:
    compressor, like = build_compressor(name), np.zeros(size, np.float32)
    code = tuple(
        data.draw(arrays.arrays(part.dtype, part.shape))
        for part in compressor.encode(vector_of(size)[0], Draws(1, 0))
    )
    with contextlib.suppress(RemoteProtocolError):
        decoded = compressor.decode(code, like)
        assert decoded.shape == (size,)
        assert decoded.dtype == np.float32
        assert np.isfinite(decoded).all()


def spoiled(compressor: Compressor, part: int, value: float) -> Payload:
    code = [array.copy() for array in compressor.encode(vector_of(100)[0], Draws(1, 0))]
    code[part][...] = value
    return tuple(code)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("compressor", "part"),
    [
        (Float16(), 0),
        (Int8Blocks(), 1),
        (Sign(), 1),
        (Qsgd(), 1),
        (TopK(), 2),
        (RandomK(), 2),
        (LowRank(), 0),
        (LowRank(), 1),
    ],
)
def test_a_scale_that_is_not_finite_is_refused(compressor: Compressor, part: int, value: float) -> None:
    with pytest.raises(RemoteProtocolError, match="not finite") as refused:
        compressor.decode(spoiled(compressor, part, value), np.zeros(100, np.float32))
    assert refused.value.reason == "code"


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_too_few_or_too_many_places_are_refused(share: float, value: int) -> None:
    with pytest.raises(RemoteProtocolError, match="does not name"):
        TopK(share).decode(spoiled(TopK(share), 0, value), np.zeros(100, np.float32))


def test_a_coordinate_beyond_the_last_is_refused() -> None:
    places = Places(2, 1000)
    octets = Places(2, 1024).encode(np.array([3, 1023]))
    assert places.bytes == len(octets)
    with pytest.raises(RemoteProtocolError, match="beyond the 1000"):
        places.decode(octets)


@pytest.mark.parametrize(
    ("name", "options", "advice"),
    [
        ("topk", {}, "did you mean .top-k"),
        ("zip", {}, "known are|did you mean"),
        ("top-k", {"shares": 0.1}, "did you mean .share"),
        ("float16", {"bits": 3}, "leave out bits"),
        ("top-k", {"share": 0}, "share is 0: set it to a number from"),
        ("top-k", {"share": math.nan}, "share is nan"),
        ("random-k", {"share": 1.5}, "share is 1.5"),
        ("random-k", {"values": "int9"}, "did you mean .int8"),
        ("random-k", {"values": 8}, "no compressor '8'"),
        ("qsgd", {"levels": 0}, "levels is 0: set it to a whole number from 1"),
        ("qsgd", {"levels": 2.5}, "levels is 2.5"),
        ("qsgd", {"levels": True}, "levels is True"),
        ("int8", {"block": "256"}, "block is '256'"),
        ("low-rank", {"rank": 0}, "rank is 0"),
        ("low-rank", {"iterations": 0}, "iterations is 0"),
    ],
)
def test_an_unknown_name_or_option_or_value_is_refused(
    name: str, options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(SettingsError, match=advice):
        build_compressor(name, **options)


def test_the_values_of_top_k_may_be_named() -> None:
    assert build_compressor("top-k", share=0.1, values="float16") == TopK(0.1, Float16())
    assert build_compressor("top-k", values=Qsgd(4)) == TopK(values=Qsgd(4))
