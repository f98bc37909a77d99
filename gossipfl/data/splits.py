"""Ways to deal the rows of one table among peers, for simulation.

Rules:
- A split is a list of index arrays, one per peer: disjoint, covering all rows, none of them empty. Only a
  bootstrap has rows more than once, and may leave some out.
- Labels are class indices; where numbers are to be predicted, `quantile_labels` makes labels of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.table import Array
from gossipfl.draws import Draws
from gossipfl.errors import DataError, instead

Parts = list[Array]
Split = Literal["iid", "dirichlet", "shards", "pathological", "quantity", "column", "bootstrap"]

PEERS_DEFAULT = 8
SAMPLES_DEFAULT = 64
BLOCK_NUMBERS = 1 << 18
"""So many rows are drawn at once: enough to be fast, and 20 MB in between."""
_QUANTILES = 10  # labels made of numbers to predict: our guess


def split(
    kind: str,
    targets: Array,
    peers: int | None,
    draws: Draws,
    *,
    alpha: float = 0.5,
    per_peer: int = 2,
    samples: int = SAMPLES_DEFAULT,
    groups: Array | None = None,
    classes: bool = True,
    min_samples: int = 1,
) -> tuple[Parts | Array, tuple[str, ...] | None]:
    """Rows 0 .. N - 1 with `targets` (N,) dealt among `peers`, and the peers' names where nature names them.

    One array (peers, k) where all get equally many, else a list of arrays. `alpha` is for `dirichlet` and
    `quantity`; `per_peer` counts the shards or the classes of each peer; `samples` is how many rows each
    draws in a `bootstrap`; `groups` (N,) are the texts that `column` splits by, one peer each. DataError if
    it cannot be done.
    """
    if kind not in get_args(Split):
        raise DataError(f'"{kind}" is not a way to split; {instead(kind, get_args(Split))}')
    if kind == "column":
        if groups is None:
            raise DataError("to split by column needs the column; name it.")
        parts, names = by_column(groups)
        if peers is not None and peers != len(parts):
            raise DataError(
                f"the column has {len(parts)} values and {peers} peers are asked for; ask for as many."
            )
        return _stacked(parts), names
    count = peers or PEERS_DEFAULT
    if kind == "bootstrap":
        return bootstrap(len(targets), count, draws, samples), None
    if kind == "iid":
        return _stacked(iid(len(targets), count, draws)), None
    if kind == "quantity":
        return _stacked(quantity(len(targets), count, draws, alpha, min_samples)), None
    labels = targets if classes else quantile_labels(targets)
    if kind == "dirichlet":
        return _stacked(dirichlet(labels, count, draws, alpha, min_samples)), None
    return _stacked((shards if kind == "shards" else pathological)(labels, count, draws, per_peer)), None


def iid(count: int, peers: int, draws: Draws) -> Parts:
    """Equal random shares of `count` rows."""
    _check(count, peers)
    return [np.sort(part) for part in np.array_split(draws.permutation("split-rows", count), peers)]


def bootstrap(count: int, peers: int, draws: Draws, samples: int = SAMPLES_DEFAULT) -> NDArray[np.int32]:
    """(peers, samples): each peer draws rows of all `count` with replacement, so never are there too few.

    Efron (1979), "Bootstrap methods: another look at the jackknife". What one peer draws depends on no other.
    """
    if not count:
        raise DataError("there are no rows to draw from.")
    if peers < 1 or samples < 1:
        raise DataError(f"{peers} peers that draw {samples} samples each; both must be 1 or more.")
    rows = np.empty((peers, samples), np.int32)
    for some in np.array_split(np.arange(peers), -(-peers * samples // BLOCK_NUMBERS)):
        rows[some] = replace(draws, peer=some).integers("bootstrap", samples, count)
    return rows


def dirichlet(labels: Array, peers: int, draws: Draws, alpha: float = 0.5, min_samples: int = 1) -> Parts:
    """Label skew: each class is dealt by shares drawn from Dirichlet(alpha); the smaller, the more skewed.

    Hsu, Qi and Brown (2019), "Measuring the effects of non-identical data distribution"; dealt class by class
    as in Yurochkin et al. (2019), so that every row is used. Who has under `min_samples` rows gets the
    rest from whoever has most.
    """
    _check(len(labels), peers, min_samples)
    kinds = np.unique(labels)
    shares = _dirichlet(draws, alpha, peers, np.arange(len(kinds)))
    order = draws.permutation("split-rows", len(labels))
    parts: list[list[Array]] = [[] for _ in range(peers)]
    for kind, share in zip(kinds, shares, strict=True):
        rows = order[labels[order] == kind]
        for part, dealt in zip(parts, _cut(rows, share), strict=True):
            part.append(dealt)
    return _filled([np.concatenate(part) for part in parts], min_samples)


def shards(labels: Array, peers: int, draws: Draws, per_peer: int = 2) -> Parts:
    """Rows sorted by label, cut into equal shards, `per_peer` of them to each peer.

    McMahan et al. (2017), "Communication-efficient learning of deep networks from decentralized data".
    """
    _check(len(labels), peers, per_peer)
    order = draws.permutation("split-rows", len(labels))
    pieces = np.array_split(order[np.argsort(labels[order], kind="stable")], peers * per_peer)
    dealt = draws.permutation("split-shards", peers * per_peer).reshape(peers, per_peer)
    return [np.sort(np.concatenate([pieces[i] for i in own])) for own in dealt]


def pathological(labels: Array, peers: int, draws: Draws, per_peer: int = 2) -> Parts:
    """Exactly `per_peer` classes at each peer, every class held about equally often and dealt equally."""
    _check(len(labels), peers, per_peer)
    kinds, counts = np.unique(labels, return_counts=True)
    if not 1 <= per_peer <= len(kinds):
        raise DataError(f"{per_peer} classes per peer of {len(kinds)} classes; ask for 1 to {len(kinds)}.")
    if peers * per_peer < len(kinds):
        raise DataError(
            f"{peers} peers with {per_peer} classes each cannot hold {len(kinds)} classes;"
            " ask for more of either."
        )
    held = np.zeros(len(kinds), np.int64)
    holders: list[list[int]] = [[] for _ in kinds]
    for peer, ties in enumerate(draws.uniform("split-classes", len(kinds), np.arange(peers))):
        for kind in np.lexsort((ties, held))[:per_peer]:
            holders[kind].append(peer)
            held[kind] += 1
    if (held > counts).any():
        kind = int(np.argmax(held > counts))
        raise DataError(
            f"class {kinds[kind]} has {counts[kind]} rows and {held[kind]} peers that hold it;"
            " ask for fewer peers."
        )
    order = draws.permutation("split-rows", len(labels))
    parts: list[list[Array]] = [[] for _ in range(peers)]
    for kind, peers_of_kind in zip(kinds, holders, strict=True):
        pieces = np.array_split(order[labels[order] == kind], len(peers_of_kind))
        for peer, piece in zip(peers_of_kind, pieces, strict=True):
            parts[peer].append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]


def quantity(count: int, peers: int, draws: Draws, alpha: float = 0.5, min_samples: int = 1) -> Parts:
    """Random rows in shares drawn from Dirichlet(alpha): peers differ in how much they hold, not in what."""
    _check(count, peers, min_samples)
    share = _dirichlet(draws, alpha, peers, np.arange(1))[0]
    return _filled(_cut(draws.permutation("split-rows", count), share), min_samples)


def by_column(groups: Array) -> tuple[Parts, tuple[str, ...]]:
    """One peer per distinct text of `groups` (N,), in sorted order, and those texts."""
    if not len(groups):
        raise DataError("there are no rows to split.")
    names, codes = np.unique(np.asarray(groups, str), return_inverse=True)
    ends = np.cumsum(np.bincount(codes))[:-1]
    return np.split(np.argsort(codes, kind="stable"), ends), tuple(str(name) for name in names)


def quantile_labels(numbers: Array, bins: int = _QUANTILES) -> NDArray[np.int64]:
    """Labels (N,) that cut numbers (N,) into `bins` about equal quantiles."""
    edges = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, numbers, side="right").astype(np.int64)


def train_test(
    count: int, fraction: float, draws: Draws, stratify: Array | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows 0 .. count - 1 as (train, test), `fraction` of them for test; both sorted.

    With labels `stratify` (count,) every label gives its share to within one row. At least one row trains.
    """
    if not 0 <= fraction < 1:
        raise DataError(f"the test fraction is {fraction}; give a number from 0 up to, but without, 1.")
    order = draws.permutation("train-test", count)
    if stratify is not None:
        order = order[np.argsort(stratify[order], kind="stable")]
    # Every place at which the running count of test rows, rounded, goes up by one.
    tested = np.diff(np.floor(np.arange(count + 1) * fraction + 0.5)).astype(bool)
    if count and tested.all():
        tested[0] = False
    return np.sort(order[~tested]), np.sort(order[tested])


def _check(count: int, peers: int, each: int = 1) -> None:
    if peers < 1 or each < 1:
        raise DataError(f"{peers} peers with at least {each} samples each; both must be 1 or more.")
    if peers * each > count:
        raise DataError(
            f"{peers} peers need at least {each} of the samples each and there are {count};"
            f' ask for at most {count // each} peers, give more data, or take the split "bootstrap".'
        )


def _stacked(parts: Sequence[Array]) -> Parts | Array:
    """`parts` as one array, if they are equally long."""
    sizes = {len(part) for part in parts}
    return np.stack(parts) if len(sizes) == 1 else [*parts]


def _dirichlet(draws: Draws, alpha: float, peers: int, lanes: Array) -> NDArray[np.float64]:
    """(lanes, peers), each row from Dirichlet(alpha).

    Gamma(alpha) is Gamma(alpha + 1) * U ** (1 / alpha) (Marsaglia and Tsang, 2000), here as logarithms, since
    for a tiny alpha all of them would underflow.
    """
    from scipy.special import gammaincinv

    if not (np.isfinite(alpha) and alpha > 0):
        raise DataError(f"alpha is {alpha}; give a number above 0.")
    first = draws.uniform("split-gamma", peers, lanes) + 2.0**-54
    second = 1.0 - draws.uniform("split-boost", peers, lanes)
    logs = np.log(gammaincinv(alpha + 1.0, first)) + np.log(second) / alpha
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True), np.float64)


def _cut(rows: Array, share: Array) -> Parts:
    """`rows` in consecutive pieces proportional to `share`, rounded so that all are used."""
    ends = np.floor(np.cumsum(share)[:-1] * len(rows) + 0.5).astype(np.int64)
    return np.split(rows, ends)


def _filled(parts: Parts, min_samples: int) -> Parts:
    """Parts that lack rows get them from the largest."""
    largest_first = [(-len(part), i) for i, part in enumerate(parts) if len(part) > min_samples]
    heapq.heapify(largest_first)
    for i in range(len(parts)):
        while (lacking := min_samples - len(parts[i])) > 0:
            giver = largest_first[0][1]
            moved = min(lacking, max(1, (len(parts[giver]) - min_samples) // 2))
            parts[i] = np.concatenate([parts[i], parts[giver][-moved:]])
            parts[giver] = parts[giver][:-moved]
            heapq.heapreplace(largest_first, (-len(parts[giver]), giver))
    return [np.sort(part) for part in parts]
