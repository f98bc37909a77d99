"""What a model, an algorithm and an aggregator are: arrays in, arrays out.

Rules:
- The last axis is one peer's vector; leading axes, if any, are peers; what is heard is stacked on axis -2.
  So one definition serves one peer (d,) and a crowd (n, d): f(stack(xs)) == stack(f(x) for x in xs).
- Pure: inputs are never changed, randomness comes from `Draws` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws

Array = NDArray[Any]
Payload = tuple[Array, ...]
"""What is spoken: arrays of fixed shape and dtype, such as `(vector,)`."""

State = TypeVar("State")
State_contra = TypeVar("State_contra", contravariant=True)


ONE = np.asarray(1.0)


class Scene(NamedTuple):
    """What a peer knows of itself and of the run while it listens, for aggregators that judge by that."""

    progress: Array  # (...), float64, in (0, 1]: the round by the number of all rounds
    step: Array  # (...), float64: the length of the way of its last local training, 0 before the first
    draws: Draws | None = None  # of the peer and its round
    losses: tuple[Array, Array] | None = None  # (...) of its own vector and (..., k) of those heard, own rows


class Heard(NamedTuple):
    """What k neighbours said in one round, and how much each counts; all weights of a peer sum to 1.

    Over links that keep accounts (see `links`), `payload` is what each said since it was last heard, and
    `said` what the peer itself said to it meanwhile. For `said` over links of codes see `Compressed`; of two
    who exchange their words at their own pace, it is what the peer itself said in that exchange; else it is
    empty.
    """

    payload: Payload  # each (..., k, *shape)
    weights: Array  # (..., k), float64
    own_weight: Array  # (...), float64
    said: Payload = ()  # each (..., k, *shape)
    scene: Scene | None = None  # where the aggregator judges by it


def unless_adopted(own_weight: Array, kept: Array, instead: Array | None = None) -> Array:
    """`kept` (..., d), but for peers that adopt what they heard, whose past is void: `instead`, or 0."""
    adopts = (own_weight == 0)[..., None]
    return np.where(adopts, np.zeros_like(kept) if instead is None else instead, kept)


@dataclass(frozen=True, slots=True)
class Samples:
    """The rows that one peer (or each of many) holds, as indices into one shared array, never as copies.

    `features` (N, f) and `targets` (N,) are shared; `rows` (..., k) are indices into them, of which the first
    `counts` (...) belong to the peer and the rest are padding (any valid index).
    """

    features: Array
    targets: Array
    rows: Array
    counts: Array

    @classmethod
    def whole(cls, features: Array, targets: Array) -> Samples:
        """All rows as the samples of one peer."""
        count = len(features)
        return cls(features, targets, np.arange(count), np.asarray(count))

    @classmethod
    def parts(cls, features: Array, targets: Array, parts: Sequence[Array] | Array) -> Samples:
        """Row indices per peer, ragged or (n, k), as the samples of a crowd of `len(parts)` peers."""
        if isinstance(parts, np.ndarray):
            return cls(features, targets, parts, np.full(len(parts), parts.shape[1]))
        counts = np.array([len(part) for part in parts], np.int64)
        rows = np.zeros((len(parts), int(counts.max(initial=0))), np.int32)
        for row, part in zip(rows, parts, strict=True):
            row[: len(part)] = part
        return cls(features, targets, rows, counts)

    def of(self, peers: int | Array) -> Samples:
        """The samples of one peer of a crowd, or of several. One peer's rows carry no padding."""
        if isinstance(peers, (int, np.integer)):
            count = int(self.counts[peers])
            return Samples(self.features, self.targets, self.rows[peers, :count], np.asarray(count))
        counts = self.counts[peers]
        return Samples(self.features, self.targets, self.rows[peers][:, : int(counts.max(initial=0))], counts)


class Model(Protocol):
    """A model with its way of training, as pure functions of one flat parameter vector (..., d)."""

    @property
    def size(self) -> int:
        """d, the number of parameters."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the vector: float32 or float64."""

    def start(self, draws: Draws) -> Array:
        """A first vector (..., d), with the leading axes of `draws.peer`."""

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        """The vector (..., d) after one round of local training on `samples`.

        `drift` (..., d) is added on the way, the same part of it with each local step.
        """

    def predict(self, vector: Array, features: Array) -> Array:
        """Class probabilities (..., N, classes), or numbers (..., N), for `features` (N, f)."""

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        """Metrics by name, each (...): `accuracy` and `loss` for classes; `r2` and `loss` for numbers."""


@runtime_checkable
class Together(Protocol):
    """A model that computes many peers in one piece, and says how many it takes."""

    @property
    def block_bytes_max(self) -> int:
        """What the vectors of peers that train together may take."""


class Aggregator(Protocol):
    """Combines a peer's own vector with those heard; leading axes pass through."""

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d). With k = 0 it returns `own`."""


@runtime_checkable
class Robust(Aggregator, Protocol):
    """An aggregator that stands so many hostile vectors among those heard, if it hears enough."""

    @property
    def attackers(self) -> int:
        """How many of the neighbours heard may be hostile."""

    @property
    def least_heard(self) -> int:
        """The fewest neighbours among whom so many may be hostile; of fewer it takes none."""


@runtime_checkable
class Judging(Aggregator, Protocol):
    """An aggregator that judges by more than the vectors; called as any other, it judges by these alone."""

    @property
    def asks_losses(self) -> bool:
        """Whether it asks how well each vector does on the peer's own rows."""

    def judged(
        self, own: Array, heard: Array, own_weight: Array, weights: Array, scene: Scene | None
    ) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d), seeing the `scene`."""


class Compressor(Protocol):
    """Makes vectors smaller: pure functions; the shapes of a code depend on d alone."""

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """`vector` (..., d) as arrays, each (..., *shape), that go on the wire as they are."""

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in `code`, with the dtype and the last axis of `like`.

        Raises `RemoteProtocolError("code")` for what no `encode` can have made.
        """

    def kept(self, size: int) -> float:
        """w in (0, 1] such that E|decode(encode(x)) - x|^2 <= (1 - w) |x|^2 for x of length `size`."""


class Link(Protocol):
    """What is remembered of a link, so that what was lost on it can be made good: pure functions."""

    @property
    def takes_back(self) -> bool:
        """Whether what a neighbour said is void once it is gone."""

    @property
    def remembers(self) -> bool:
        """Whether what is told and heard depends on earlier rounds even where nothing was ever lost."""

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        """What to tell a neighbour that was last `told` something, and of whom something is `held`."""

    def heard(self, held: Payload, before: Payload) -> Payload:
        """What a neighbour said, from what is held of it now and what was `before`."""


class Algorithm(Protocol[State]):
    """What a peer computes, cut at the wire: frozen hyper-parameters and five pure functions."""

    def start(self, vector: Array, mass: Array = ONE) -> State:
        """The state of a peer whose first model is `vector` (..., d) and whose samples count `mass` (...)."""

    def model(self, state: State) -> Array:
        """The vector (..., d) to train from and to judge."""

    def learned(self, state: State, vector: Array) -> State:
        """Local training ended at `vector` (..., d)."""

    def speak(self, state: State, share: Array, draws: Draws) -> tuple[Payload, State]:
        """What to tell each neighbour; `share` (...) is the part of its mass that a peer gives to each."""

    def listen(self, state: State, heard: Heard) -> State:
        """Take in what was heard. With `own_weight` 0 the peer adopts what it heard."""


@runtime_checkable
class Accounting(Protocol):
    """An algorithm whose links keep accounts; those of all others carry what is spoken, as it is."""

    @property
    def link(self) -> Link:
        """How its words travel."""


@runtime_checkable
class Mixing(Protocol[State]):
    """An algorithm that speaks its model and takes in nothing but one aggregate of all models heard."""

    @property
    def aggregator(self) -> Aggregator:
        """How the own model and those heard are combined; a mean of a whole crowd is one sparse product."""

    def mixed(self, state: State, mean: Array, own_weight: Array) -> State:
        """What `listen` makes of the aggregate (..., d), where its own part weighed `own_weight` (...)."""


@runtime_checkable
class Steering(Protocol[State_contra]):
    """An algorithm that leads local training off its own optimum, towards everybody's."""

    def drift(self, state: State_contra) -> Array:
        """What is added to the model (..., d) in the course of the next local training."""


@runtime_checkable
class Compressed(Protocol[State_contra]):
    """An algorithm that speaks in codes, and so holds of each neighbour what the codes so far come to.

    Before the first code, that is `whole` of the state in which all peers start.
    """

    @property
    def settles(self) -> bool:
        """Whether what is held counts what passed between the two, so that after a gap both tell the whole.

        Then `Heard.said` is what was held of each neighbour when it was last listened to.
        """

    def whole(self, state: State_contra, held: Payload = ()) -> Payload:
        """What a neighbour that missed something, and of which this is `held`, is told: (..., *shape)."""

    def hear(self, state: State_contra, held: Payload, code: Payload) -> Payload:
        """What is held of k neighbours, arrays (..., k, *shape), once they said `code`, (..., k, *shape).

        Raises `RemoteProtocolError("code")` for what nobody can have said.
        """

    def hear_whole(self, state: State_contra, held: Payload, whole: Payload) -> Payload:
        """What is held of k neighbours, arrays (..., k, *shape), once they said the `whole`."""
