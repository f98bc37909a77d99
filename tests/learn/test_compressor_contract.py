"""Every compressor keeps its contract under each of its options, and one that breaks it is caught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.compressors import COMPRESSORS, build_compressor
from gossipfl.learn.compressors.casts import Whole
from gossipfl.learn.compressors.sparse import TopK
from gossipfl.learn.contracts import Array, Payload
from gossipfl.testing import check_compressor


@pytest.mark.parametrize("name", COMPRESSORS)
def test_each_compressor_conforms_as_it_is(name: str) -> None:
    check_compressor(build_compressor(name))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("int8", {"block": 1}),
        ("int8", {"block": 7}),
        ("sign", {"block": 7}),
        ("qsgd", {"levels": 1}),
        ("qsgd", {"levels": 3}),
        ("qsgd", {"levels": 4}),
        ("qsgd", {"levels": 256}),
        ("qsgd", {"levels": 32_768}),
        ("top-k", {"share": 0.5, "values": "none"}),
        ("top-k", {"share": 1.0, "values": "bfloat16"}),
        ("top-k", {"share": 0.2, "values": "qsgd"}),
        ("random-k", {"share": 0.3, "values": "float16"}),
        ("random-k", {"share": 1.0, "values": "none"}),
        ("top-k", {"share": 0.1, "values": "sign"}),
        ("low-rank", {"rank": 3, "iterations": 1}),
        ("low-rank", {"rank": 100}),
    ],
)
def test_each_compressor_conforms_with_other_options(name: str, options: dict[str, object]) -> None:
    check_compressor(build_compressor(name, **options))


@dataclass(frozen=True, slots=True)
class Broken(Whole):
    """The vector as it is, with one fault."""

    fault: str = ""

    def encode(self, vector: Array, draws: Draws) -> Payload:
        if self.fault == "in place":
            vector += 1
        elif self.fault == "mixes peers" and vector.ndim == 2:
            return (vector[::-1].copy(),)
        elif self.fault == "length":
            return (vector[vector != 0],)
        return (vector,)

    def decode(self, code: Payload, like: Array) -> Array:
        if self.fault == "widens":
            return code[0].astype(np.float64)
        if self.fault == "trusts":
            return code[0].astype(like.dtype)
        if self.fault == "shrinks":
            return (code[0] * 0.5).astype(like.dtype)
        return Whole.decode(self, code, like)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("in place", "changed in place"),
        ("mixes peers", "crowd's result"),
        ("length", "expected|shapes"),
        ("widens", "dtype is float64"),
        ("trusts", "must be refused"),
        ("shrinks", "of the square is lost|refused"),
    ],
)
def test_a_broken_compressor_is_caught(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_compressor(Broken(fault))


def test_the_compressor_that_they_break_conforms() -> None:
    check_compressor(Broken())


class Boasts(TopK):
    """Promises to keep more than it does."""

    def kept(self, size: int) -> float:
        return 1.0


def test_a_promise_that_is_not_kept_is_caught() -> None:
    with pytest.raises(AssertionError, match="of the square is lost"):
        check_compressor(Boasts())
