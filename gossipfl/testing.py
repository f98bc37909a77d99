"""The conformance suite for plug-ins: what they must do to run in every driver.

In tests of your own:

    from gossipfl.testing import check_aggregator, check_algorithm, check_model

    def test_my_aggregator_conforms():
        check_aggregator(MyAggregator())

Rules:
- Each check raises `AssertionError` with what was expected, on which input; it returns nothing.
- "Bit for bit" is meant: a real node is a crowd of one, and must compute what a simulated crowd computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.contracts import (
    Accounting,
    Aggregator,
    Algorithm,
    Array,
    Compressed,
    Compressor,
    Heard,
    Model,
    Payload,
    Samples,
)

_PEERS, _NEIGHBOURS, _SIZE, _SEED = 5, 4, 17, 20_170_901
_SIZES, _TRIALS = (1, 7, 300), 100
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def check_model(model: Model, samples: Samples) -> None:
    """That `model` keeps the contract on `samples` of a crowd, rows (n, k), best with ragged counts."""
    peers = np.arange(len(samples.counts))
    crowd = Draws(_SEED, peers, 1)
    start = model.start(crowd)
    _expect_like(start, (len(peers), model.size), model.dtype, "start")
    _expect_same(start, _stacked([model.start(Draws(_SEED, int(p), 1)) for p in peers]), "start", "crowd")
    first = _spread(start)
    before = [
        part.copy() for part in (first, samples.features, samples.targets, samples.rows, samples.counts)
    ]
    fitted = model.fit(first, samples, crowd)
    _expect_like(fitted, first.shape, model.dtype, "fit")
    _expect(
        bool(np.isfinite(fitted).all()), "fit: a finite vector and finite samples must give a finite vector"
    )
    _expect_same(fitted, model.fit(first, samples, crowd), "fit", "repeat")
    ones = [model.fit(first[p], samples.of(int(p)), Draws(_SEED, int(p), 1)) for p in peers]
    _expect_same(fitted, _stacked(ones), "fit", "crowd")
    _expect_same(fitted, model.fit(first, _repadded(samples), crowd), "fit", "padding")
    nothing = Samples(samples.features, samples.targets, samples.rows, np.zeros_like(samples.counts))
    _expect_same(first, model.fit(first, nothing, crowd), "fit", "no samples")
    _check_judging(model, fitted, samples)
    after = (first, samples.features, samples.targets, samples.rows, samples.counts)
    _expect_unchanged(before, after, "fit, predict and score")


def check_algorithm(algorithm: Algorithm[Any]) -> None:
    """That `algorithm` keeps the contract, in float32 and float64."""
    for dtype in _FLOATS:
        _check_rounds(algorithm, dtype)
        _check_hearing_nothing(algorithm, dtype)
        _check_consensus(algorithm, dtype)


def check_aggregator(aggregator: Aggregator) -> None:
    """That `aggregator` keeps the contract, in float32 and float64."""
    for dtype in _FLOATS:
        own, heard, own_weight, weights = given = _mixture(dtype)
        before = [part.copy() for part in given]
        mean = aggregator(*given)
        _expect_like(mean, own.shape, dtype, "aggregator")
        _expect(bool(np.isfinite(mean).all()), "aggregator: finite vectors must give a finite vector")
        ones = [aggregator(*(part[p] for part in given)) for p in range(_PEERS)]
        _expect_same(mean, _stacked(ones), "aggregator", "crowd")
        _expect_same(mean, aggregator(*given), "aggregator", "repeat")
        none = aggregator(own, heard[:, :0], np.ones(_PEERS), weights[:, :0])
        _expect_same(own, none, "aggregator", "k = 0")
        alike = np.repeat(own[:, None], _NEIGHBOURS, axis=1)
        _expect_near(own, aggregator(own, alike, own_weight, weights), "aggregator: equal vectors")
        rest = weights / weights.sum(axis=1, keepdims=True)
        adopted = aggregator(own, np.repeat(heard[:, :1], _NEIGHBOURS, axis=1), np.zeros(_PEERS), rest)
        _expect_near(heard[:, 0], adopted, "aggregator: own_weight 0 and neighbours alike")
        _expect_unchanged(before, given, "aggregator")


def check_compressor(compressor: Compressor) -> None:
    """That `compressor` keeps the contract, in float32 and float64 and for vectors short and long."""
    for dtype in _FLOATS:
        for size in _SIZES:
            vector = Draws(_SEED, np.arange(_PEERS)).normal("vector", size).astype(dtype)
            code = _check_coding(compressor, vector)
            _check_hostile_codes(compressor, code, vector)
            _check_contraction(compressor, vector[0])


def _check_coding(compressor: Compressor, vector: Array) -> Payload:
    """The code of a crowd's `vector` (n, d), the same again, alone, and as neighbours hear it."""
    draws, kept = Draws(_SEED, np.arange(_PEERS), 1), vector.copy()
    code = compressor.encode(vector, draws)
    for part, again in zip(code, compressor.encode(vector, draws), strict=True):
        _expect_same(part, again, "encode", "repeat")
    _expect_unchanged([kept], [vector], "encode")
    ones = [compressor.encode(one, Draws(_SEED, peer, 1)) for peer, one in enumerate(vector)]
    for part, pieces in zip(code, zip(*ones, strict=True), strict=True):
        _expect_same(part, _stacked(list(pieces)), "encode", "crowd")
    nothing = compressor.encode(np.zeros_like(vector), draws)
    for part, zero in zip(code, nothing, strict=True):
        _expect_like(zero, part.shape, part.dtype, "encode, of zeros")
    _expect(not compressor.decode(nothing, vector).any(), "decode: zeros must come out as zeros")
    sent = [part.copy() for part in code]
    decoded = compressor.decode(code, vector)
    _expect_like(decoded, vector.shape, vector.dtype, "decode")
    alone = [compressor.decode(one, vector[0]) for one in ones]
    _expect_same(decoded, _stacked(alone), "decode", "crowd")
    heard = compressor.decode(tuple(_from_neighbours(part) for part in code), vector)
    _expect_same(_from_neighbours(decoded), heard, "decode, as heard", "crowd")
    none = compressor.decode(tuple(part[:, None][:, :0] for part in code), vector)
    _expect_like(none, (_PEERS, 0, vector.shape[1]), vector.dtype, "decode, of what nobody said")
    _expect_unchanged([kept, *sent], [vector, *code], "decode")
    return code


def _check_hostile_codes(compressor: Compressor, code: Payload, like: Array) -> None:
    """Random bytes in the layout of `code` are refused, or stand for finite numbers."""
    for turn in range(_TRIALS):
        draws, bad = Draws(_SEED, 0, turn), []
        for lane, part in enumerate(code):
            octets = draws.words("hostile", -(-part[0].nbytes // 4), lane).tobytes()
            bad.append(np.frombuffer(octets, part.dtype, part[0].size).reshape(part[0].shape))
        try:
            decoded = compressor.decode(tuple(bad), like)
        except RemoteProtocolError:
            continue
        _expect_like(decoded, like[0].shape, like.dtype, "decode, of random bytes")
        _expect(bool(np.isfinite(decoded).all()), "decode: a code of numbers not finite must be refused")


def _check_contraction(compressor: Compressor, vector: Array) -> None:
    """The mean square of what is lost of `vector` (d,), over many draws, is what `kept` allows."""
    kept = compressor.kept(len(vector))
    _expect(0 < kept <= 1, f"kept: it is {kept}, expected to be above 0 and at most 1")
    crowd = np.repeat(vector[None], _TRIALS, axis=0)
    decoded = compressor.decode(compressor.encode(crowd, Draws(_SEED, np.arange(_TRIALS), 2)), crowd)
    lost = (
        np.square(decoded.astype(np.float64) - vector).sum(axis=1)
        / np.square(vector.astype(np.float64)).sum()
    )
    # Four standard errors, and the rounding of the vector's own dtype.
    allowed = 1 - kept + 4 * lost.std() / _TRIALS**0.5 + float(np.finfo(vector.dtype).eps)
    _expect(lost.mean() <= allowed, f"kept: {lost.mean():.4g} of the square is lost, {1 - kept:.4g} allowed")


def _check_judging(model: Model, vector: Array, samples: Samples) -> None:
    """Prediction and scores, of a crowd against each peer, on own samples and on shared ones."""
    few = samples.features[:9]
    predicted = model.predict(vector, few)
    _expect_like(predicted, (len(vector), len(few), *predicted.shape[2:]), model.dtype, "predict")
    _expect_same(predicted, _stacked([model.predict(one, few) for one in vector]), "predict", "crowd")
    if predicted.ndim == 3:
        _expect_near(np.ones(predicted.shape[:2]), predicted.sum(axis=2), "predict: probabilities sum to 1")
    shared = samples.of(int(np.argmax(samples.counts)))
    own, common = model.score(vector, samples), model.score(vector, shared)
    for peer, one in enumerate(vector):
        for name, value in model.score(one, samples.of(peer)).items():
            _expect_same(own[name][peer], value, f"score {name!r}", "crowd")
        for name, value in model.score(one, shared).items():
            _expect_same(common[name][peer], value, f"score {name!r} on shared samples", "crowd")


def _check_rounds(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    """Three rounds, a crowd against each of its peers, nothing given being changed."""
    own, _, own_weight, weights = given = _mixture(dtype)
    before = [part.copy() for part in given]
    crowd, ones = algorithm.start(own), [algorithm.start(one) for one in own]
    links = _Links(algorithm, crowd)
    for turn in range(3):
        trained = _spread(algorithm.model(crowd))
        crowd = algorithm.learned(crowd, trained)
        ones = [algorithm.learned(state, one) for state, one in zip(ones, trained, strict=True)]
        payload, crowd = _spoken(algorithm, crowd, weights[:, 0], np.arange(_PEERS), turn)
        said = [_spoken(algorithm, state, weights[p, 0], p, turn) for p, state in enumerate(ones)]
        for part, pieces in zip(payload, zip(*(s[0] for s in said), strict=True), strict=True):
            _expect_same(part, _stacked(list(pieces)), "speak", "crowd")
        arrived, told = links.exchange(crowd, payload, [one[1] for one in said])
        crowd = algorithm.listen(crowd, Heard(arrived, weights, own_weight, told))
        each = [Heard(_row(arrived, p), weights[p], own_weight[p], _row(told, p)) for p in range(_PEERS)]
        ones = [algorithm.listen(s[1], h) for s, h in zip(said, each, strict=True)]
        model = algorithm.model(crowd)
        _expect_like(model, own.shape, dtype, "model")
        _expect(bool(np.isfinite(model).all()), "listen: finite payloads must give a finite model")
        _expect_same(model, _stacked([algorithm.model(state) for state in ones]), "listen", "crowd")
    _expect_unchanged(before, given, "the algorithm")


def _spoken(algorithm: Algorithm[Any], state: Any, share: Array, peer: Any, turn: int) -> tuple[Any, Any]:
    """What is said, twice from the same state: the same bytes, and the state as it was."""
    draws = Draws(_SEED, peer, turn)
    model = algorithm.model(state).copy()
    first = algorithm.speak(state, share, draws)
    for one, other in zip(first[0], algorithm.speak(state, share, draws)[0], strict=True):
        _expect_same(one, other, "speak", "repeat")
    _expect_same(model, algorithm.model(state), "speak", "state")
    return first


def _check_hearing_nothing(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    own = _mixture(dtype)[0]
    state = algorithm.start(own)
    links = _Links(algorithm, state)
    payload, state = algorithm.speak(state, np.ones(_PEERS), Draws(_SEED, np.arange(_PEERS)))
    arrived, told = (tuple(part[:, :0] for part in parts) for parts in links.exchange(state, payload))
    after = algorithm.listen(state, Heard(arrived, np.ones((_PEERS, 0)), np.ones(_PEERS), told))
    _expect_same(algorithm.model(state), algorithm.model(after), "listen", "k = 0")


def _check_consensus(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    """Peers that all hold one model keep it, whatever the weights."""
    alike = np.repeat(_mixture(dtype)[0][:1], _PEERS, axis=0)
    _, _, own_weight, weights = _mixture(dtype)
    sole = weights / weights.sum(axis=1, keepdims=True)
    for own_part, parts in ((own_weight, weights), (np.zeros(_PEERS), sole)):
        state = algorithm.start(alike)
        links = _Links(algorithm, state)
        payload, state = algorithm.speak(state, parts[:, 0], Draws(_SEED, np.arange(_PEERS)))
        arrived, told = links.exchange(state, payload)
        if isinstance(algorithm, Compressed) and not own_part.any():  # a newcomer is told the whole
            arrived = tuple(_from_neighbours(part) for part in algorithm.whole(state))
        after = algorithm.model(algorithm.listen(state, Heard(arrived, parts, own_part, told)))
        _expect_near(alike, after, f"listen: equal models, own weight {own_part[0]:.2f}")


class _Links:
    """The links of a crowd in which all are neighbours; slot s of peer p leads to peer p - 1 - s."""

    def __init__(self, algorithm: Algorithm[Any], start: Any) -> None:
        self._algorithm = algorithm
        self._told: Payload = ()  # each (n, k, ...)
        self._held: Payload = ()
        if isinstance(algorithm, Compressed):
            self._held = tuple(_from_neighbours(part) for part in algorithm.whole(start))

    def exchange(self, crowd: Any, spoken: Payload, ones: list[Any] | None = None) -> tuple[Payload, Payload]:
        """What all hear when all have `spoken`, and what they said meanwhile; `ones` are their states."""
        if isinstance(self._algorithm, Compressed):
            codes = tuple(_from_neighbours(part) for part in spoken)
            before = self._held
            self._held = _as_alone(self._algorithm.hear, "hear", crowd, ones, before, codes)
            return self._held, before if self._algorithm.settles else ()
        if not isinstance(self._algorithm, Accounting):
            return tuple(_from_neighbours(part) for part in spoken), ()
        link, said = self._algorithm.link, tuple(_to_neighbours(part) for part in spoken)
        told, held = (old or tuple(np.zeros_like(part) for part in said) for old in (self._told, self._held))
        now = _as_alone(lambda _, *parts: link.tell(*parts), "tell", crowd, ones, said, told, held)
        arrived = tuple(_across(part) for part in now)
        heard = _as_alone(lambda _, *parts: link.heard(*parts), "heard", crowd, ones, arrived, held)
        self._told, self._held = now, arrived
        return heard, link.heard(now, told)


def _as_alone(rule: Any, name: str, crowd: Any, ones: list[Any] | None, *parts: Payload) -> Payload:
    """What `rule` makes of `parts` for a crowd, which must be what it makes of them for each of `ones`."""
    together: Payload = rule(crowd, *parts)
    alone = [rule(state, *(_row(part, peer) for part in parts)) for peer, state in enumerate(ones or ())]
    for part, pieces in zip(together, zip(*alone, strict=True), strict=False):
        _expect_same(part, _stacked(list(pieces)), name, "crowd")
    return together


def _mixture(dtype: np.dtype[Any]) -> tuple[Array, Array, Array, Array]:
    """Own vectors (n, d), heard ones (n, k, d), own weights (n,) and weights (n, k) that sum to 1."""
    draws = Draws(_SEED, np.arange(_PEERS))
    own = draws.normal("own", _SIZE).astype(dtype)
    heard = draws.normal("heard", _NEIGHBOURS * _SIZE).reshape(_PEERS, _NEIGHBOURS, _SIZE).astype(dtype)
    parts = 0.1 + draws.uniform("weights", _NEIGHBOURS + 1)
    parts /= parts.sum(axis=1, keepdims=True)
    return own, heard, parts[:, 0].copy(), parts[:, 1:].copy()


def _from_neighbours(part: Array) -> Array:
    """What each of n peers on a ring hears of `part` (n, ...), as (n, k, ...)."""
    return np.stack([np.roll(part, shift, axis=0) for shift in range(1, _NEIGHBOURS + 1)], axis=1)


def _to_neighbours(part: Array) -> Array:
    """What each of n peers tells each of k neighbours, (n, k, ...), where it says `part` (n, ...) to all."""
    return np.repeat(part[:, None], _NEIGHBOURS, axis=1)


def _across(told: Array) -> Array:
    """What is told over each link (n, k, ...), at its other end."""
    return np.stack([np.roll(told[:, -shift], shift, axis=0) for shift in range(1, _NEIGHBOURS + 1)], axis=1)


def _row(payload: Payload, peer: int) -> Payload:
    """What one of n peers has of `payload`."""
    return tuple(part[peer] for part in payload)


def _spread(vector: Array) -> Array:
    """`vector` (n, d), a little apart for each peer, so that a mix-up between peers shows."""
    noise = Draws(_SEED, np.arange(len(vector))).normal("spread", vector.shape[-1])
    return (vector + 0.05 * noise).astype(vector.dtype)


def _repadded(samples: Samples) -> Samples:
    """The same samples with other padding, and more of it."""
    held = np.arange(samples.rows.shape[1]) < samples.counts[:, None]
    last = len(samples.features) - 1
    rows = np.pad(np.where(held, samples.rows, last), ((0, 0), (0, 5)), constant_values=last)
    return Samples(samples.features, samples.targets, rows, samples.counts)


def _stacked(ones: list[Array]) -> Array:
    return np.stack([np.asarray(one) for one in ones])


_WHY = {
    "crowd": "a crowd's result must be that of each of its peers alone, bit for bit",
    "repeat": "the same input and draws must give the same bytes again",
    "padding": "rows beyond a peer's count must have no effect",
    "no samples": "a peer without samples must keep its vector",
    "k = 0": "a peer that heard nobody must keep its own, bit for bit",
    "state": "a state must not be changed in place",
}


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)


def _expect_like(array: Array, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    _expect(array.shape == shape, f"{where}: the shape is {array.shape}, expected {shape}")
    _expect(array.dtype == dtype, f"{where}: the dtype is {array.dtype}, expected {dtype}")


def _expect_same(wanted: Array, got: Array, where: str, why: str) -> None:
    wanted, got = np.asarray(wanted), np.asarray(got)
    _expect(wanted.shape == got.shape, f"{where}: {_WHY[why]}; shapes {wanted.shape} and {got.shape} differ")
    if not np.array_equal(wanted, got, equal_nan=True):
        apart = float(np.nanmax(np.abs(wanted.astype(np.float64) - got)))
        raise AssertionError(f"{where}: {_WHY[why]}; in {wanted.dtype} they are up to {apart:.3g} apart")


def _expect_near(wanted: Array, got: Array, where: str) -> None:
    _expect(wanted.shape == got.shape, f"{where}: the shape is {got.shape}, expected {wanted.shape}")
    allowed = 64 * float(np.finfo(got.dtype).eps) * max(1.0, float(np.abs(wanted).max()))
    apart = float(np.abs(wanted - got).max())
    _expect(apart <= allowed, f"{where} must come out as they are, to rounding; they are {apart:.3g} apart")


def _expect_unchanged(before: Any, after: Any, where: str) -> None:
    for one, other in zip(before, after, strict=True):
        _expect(one.tobytes() == other.tobytes(), f"{where}: an input was changed in place")
