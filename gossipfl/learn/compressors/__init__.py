"""Compressors: vectors made smaller, as the bytes that go on the wire.

casts.py    as it is, float16, bfloat16
blocks.py   int8 per block
fewbits.py  2 to 7 bits per coordinate, in blocks
sign.py     signs, and a magnitude per block
qsgd.py     random rounding to levels of the norm
sparse.py   the largest coordinates, or random ones, their values compressed in turn
lowrank.py  two thin matrices
packing.py  bits into bytes, places of coordinates, refusals
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.compressors.blocks import Int8Blocks
from gossipfl.learn.compressors.casts import BFloat16, Float16, Whole
from gossipfl.learn.compressors.fewbits import FewBits
from gossipfl.learn.compressors.lowrank import LowRank
from gossipfl.learn.compressors.qsgd import Qsgd
from gossipfl.learn.compressors.sign import Sign
from gossipfl.learn.compressors.sparse import RandomK, TopK
from gossipfl.learn.contracts import Compressor

_KINDS: dict[str, Any] = {
    "none": Whole,
    "float16": Float16,
    "bfloat16": BFloat16,
    "int8": Int8Blocks,
    "few-bits": FewBits,
    "sign": Sign,
    "qsgd": Qsgd,
    "top-k": TopK,
    "random-k": RandomK,
    "low-rank": LowRank,
}
COMPRESSORS: Mapping[str, Callable[..., Compressor]] = _KINDS
"""Compressors by the names that settings call them."""


def build_compressor(name: str, **options: Any) -> Compressor:
    """The compressor called `name`; where an option is itself a compressor, its name serves.

    An unknown name or option, or a value out of its range, raises `SettingsError`.
    """
    if name not in _KINDS:
        raise SettingsError(f"There is no compressor {name!r}: {instead(name, _KINDS)}")
    known = [option.name for option in fields(_KINDS[name])]
    for option in options:
        if not known:
            raise SettingsError(f"The compressor {name!r} takes no options: leave out {option}.")
        if option not in known:
            raise SettingsError(f"The compressor {name!r} has no option {option!r}: {instead(option, known)}")
    if "values" in options:
        inner = options["values"]
        if isinstance(inner, str) or not hasattr(inner, "encode"):
            options["values"] = build_compressor(str(inner))
    return COMPRESSORS[name](**options)
