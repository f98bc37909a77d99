"""Whether a compressor keeps its contract: what it says, what nobody sent, and what it promises."""

from __future__ import annotations

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.contracts import Array, Compressor, Payload
from gossipfl.testing.crowds import FLOATS, PEERS, SEED, from_neighbours, stacked
from gossipfl.testing.expecting import expect, expect_like, expect_same, expect_unchanged

_SIZES, _TRIALS = (1, 7, 300), 100


def check_compressor(compressor: Compressor) -> None:
    """That `compressor` keeps the contract, in float32 and float64 and for vectors short and long."""
    for dtype in FLOATS:
        for size in _SIZES:
            vector = Draws(SEED, np.arange(PEERS)).normal("vector", size).astype(dtype)
            code = _check_coding(compressor, vector)
            _check_hostile_codes(compressor, code, vector)
            _check_contraction(compressor, vector[0])


def _check_coding(compressor: Compressor, vector: Array) -> Payload:
    """The code of a crowd's `vector` (n, d), the same again, alone, and as neighbours hear it."""
    draws, kept = Draws(SEED, np.arange(PEERS), 1), vector.copy()
    code = compressor.encode(vector, draws)
    for part, again in zip(code, compressor.encode(vector, draws), strict=True):
        expect_same(part, again, "encode", "repeat")
    expect_unchanged([kept], [vector], "encode")
    ones = [compressor.encode(one, Draws(SEED, peer, 1)) for peer, one in enumerate(vector)]
    for part, pieces in zip(code, zip(*ones, strict=True), strict=True):
        expect_same(part, stacked(list(pieces)), "encode", "crowd")
    nothing = compressor.encode(np.zeros_like(vector), draws)
    for part, zero in zip(code, nothing, strict=True):
        expect_like(zero, part.shape, part.dtype, "encode, of zeros")
    expect(not compressor.decode(nothing, vector).any(), "decode: zeros must come out as zeros")
    sent = [part.copy() for part in code]
    decoded = compressor.decode(code, vector)
    expect_like(decoded, vector.shape, vector.dtype, "decode")
    alone = [compressor.decode(one, vector[0]) for one in ones]
    expect_same(decoded, stacked(alone), "decode", "crowd")
    heard = compressor.decode(tuple(from_neighbours(part) for part in code), vector)
    expect_same(from_neighbours(decoded), heard, "decode, as heard", "crowd")
    none = compressor.decode(tuple(part[:, None][:, :0] for part in code), vector)
    expect_like(none, (PEERS, 0, vector.shape[1]), vector.dtype, "decode, of what nobody said")
    expect_unchanged([kept, *sent], [vector, *code], "decode")
    return code


def _check_hostile_codes(compressor: Compressor, code: Payload, like: Array) -> None:
    """Random bytes in the layout of `code` are refused, or stand for finite numbers."""
    for turn in range(_TRIALS):
        draws, bad = Draws(SEED, 0, turn), []
        for lane, part in enumerate(code):
            octets = draws.words("hostile", -(-part[0].nbytes // 4), lane).tobytes()
            bad.append(np.frombuffer(octets, part.dtype, part[0].size).reshape(part[0].shape))
        try:
            decoded = compressor.decode(tuple(bad), like)
        except RemoteProtocolError:
            continue
        expect_like(decoded, like[0].shape, like.dtype, "decode, of random bytes")
        expect(bool(np.isfinite(decoded).all()), "decode: a code of numbers not finite must be refused")


def _check_contraction(compressor: Compressor, vector: Array) -> None:
    """The mean square of what is lost of `vector` (d,), over many draws, is what `kept` allows."""
    kept = compressor.kept(len(vector))
    expect(0 < kept <= 1, f"kept: it is {kept}, expected to be above 0 and at most 1")
    crowd = np.repeat(vector[None], _TRIALS, axis=0)
    decoded = compressor.decode(compressor.encode(crowd, Draws(SEED, np.arange(_TRIALS), 2)), crowd)
    lost = (
        np.square(decoded.astype(np.float64) - vector).sum(axis=1)
        / np.square(vector.astype(np.float64)).sum()
    )
    # Four standard errors, and the rounding of the vector's own dtype.
    allowed = 1 - kept + 4 * lost.std() / _TRIALS**0.5 + float(np.finfo(vector.dtype).eps)
    expect(lost.mean() <= allowed, f"kept: {lost.mean():.4g} of the square is lost, {1 - kept:.4g} allowed")
