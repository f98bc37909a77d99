"""Updates that may not be used are refused with their reason, and change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.admission import VALUE_MAX, Admission, check_values
from gossipfl.protocol.layout import body_buffers, body_bytes, layout_of, split_body
from gossipfl.protocol.messages import Update

VECTOR = np.linspace(-1, 1, 650, dtype=np.float32)
GOOD = Update(round=3, epoch=7, sequence=5, samples=100, degree=4, payload=(VECTOR,))


def admission() -> Admission:
    return Admission(10, layout_of((VECTOR,)), layout_of((VECTOR,)))


def spoilt(value: float) -> tuple[Any, ...]:
    vector = VECTOR.copy()
    vector[-1] = value
    return (vector,)


def reason_of(gate: Admission, update: Update) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        gate.check(1, update)
    return caught.value.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"round": 0}, "round"),
        ({"round": 11}, "round"),
        ({"samples": 0}, "samples"),
        ({"samples": 1 << 41}, "samples"),
        ({"degree": 0}, "degree"),
        ({"degree": (1 << 20) + 1}, "degree"),
        ({"payload": (VECTOR[:-1],)}, "layout"),
        ({"payload": (VECTOR.astype(np.float64),)}, "layout"),
        ({"payload": (VECTOR, VECTOR)}, "layout"),
        ({"payload": spoilt(np.nan)}, "non-finite"),
        ({"payload": spoilt(np.inf)}, "non-finite"),
        ({"payload": spoilt(-np.inf)}, "non-finite"),
        ({"payload": spoilt(-1e30)}, "huge"),
    ],
)
def test_a_bad_update_is_refused_and_a_good_one_still_passes(change: dict[str, Any], reason: str) -> None:
    gate = admission()
    assert reason_of(gate, replace(GOOD, **change)) == reason
    gate.check(1, GOOD)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.int32, np.uint8])
def test_all_that_is_finite_and_not_huge_passes(dtype: type[np.number[Any]]) -> None:
    number = np.dtype(dtype)
    most = float(np.finfo(number).max) if number.kind == "f" else float(np.iinfo(number).max)
    for value in (min(most, VALUE_MAX), -min(most, VALUE_MAX) if number.kind != "u" else 0, 1.0, 0.0):
        check_values(np.full((3, 50), value, number))
        check_values(np.full((3, 50), value, number)[:, ::7])
    check_values(np.zeros(0, number))
    check_values(np.ones((), number))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_value_a_little_too_large_is_huge(dtype: type[np.floating[Any]]) -> None:
    vector = np.zeros(50, dtype)
    vector[7] = np.nextafter(dtype(VALUE_MAX), dtype(np.inf)) * (1 + 1e-6)
    with pytest.raises(RemoteProtocolError, match="lies beyond"):
        check_values(vector)


def test_an_update_passes_once_for_each_sender() -> None:
    gate = admission()
    gate.check(1, GOOD)
    gate.check(2, GOOD)
    assert reason_of(gate, GOOD) == "replay"
    assert reason_of(gate, replace(GOOD, sequence=4)) == "replay"
    assert reason_of(gate, replace(GOOD, epoch=6, sequence=99)) == "replay"
    gate.check(1, replace(GOOD, sequence=6, round=4))
    gate.check(1, replace(GOOD, epoch=8, sequence=0))


def test_a_sender_speaks_once_of_each_round() -> None:
    gate = admission()
    gate.check(1, GOOD)
    assert reason_of(gate, replace(GOOD, sequence=6)) == "replay"
    assert reason_of(gate, replace(GOOD, sequence=6, round=2)) == "replay"


def test_a_payload_survives_its_body() -> None:
    payload = (
        np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::2],
        np.array([7], ">i4"),
        np.array(2.5, "f4"),
    )
    body = b"".join(body_buffers(payload))
    layout = layout_of(payload)
    assert len(body) == body_bytes(layout)
    back = split_body(body, layout)
    assert layout_of(back) == layout
    assert all(np.array_equal(a, b) for a, b in zip(back, payload, strict=True))
    assert not back[0].flags.writeable


def test_a_body_of_another_length_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="3 bytes"):
        split_body(b"abc", layout_of((VECTOR,)))
