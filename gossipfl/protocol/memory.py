"""What a peer must not forget when its process ends: plain values and arrays, which a driver keeps for it.

Rules:
- It is what held when a round ended. Arrays are never changed, so it may be written while the peer goes on.
- What was accepted by then is never accepted again; what was accepted later is forgotten together with what
  it came to. So nothing is used twice, whenever the process ends.
- What was said is not in it: whoever goes on has a later boot epoch, in which nothing was said before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gossipfl.errors import DataError
from gossipfl.learn.contracts import Array, Payload
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.messages import PeerId, Proof
from gossipfl.protocol.reputation import Offences

State = TypeVar("State", bound=tuple[Any, ...])


class Place(NamedTuple):
    """Where a sender was with the newest update of it that was accepted."""

    epoch: int
    sequence: int
    round: int


class LinkMemory(NamedTuple):
    """What is remembered of one link whose words build on earlier ones."""

    peer: PeerId
    numbers: tuple[int, ...]
    payloads: tuple[Payload, ...]  # each of the layout of a whole update


class Memory(NamedTuple):
    """All that one peer remembers."""

    round: int  # that it closed last
    state: tuple[Array, ...]  # of its algorithm, see `flat`
    newest: Mapping[PeerId, Place]  # of each sender
    links: tuple[LinkMemory, ...] = ()
    proofs: tuple[Proof, ...] = ()  # against whoever contradicted itself
    newcomer: bool = False  # it has heard nobody yet
    late: bool = False  # it came when the run was under way
    offences: tuple[Offences, ...] = ()  # of its neighbours


def flat(state: tuple[Any, ...]) -> tuple[Array, ...]:
    """The arrays of the `state` of an algorithm, in their order; a state may hold others."""
    return tuple(_leaves(state))


def filled(state: State, arrays: tuple[Array, ...]) -> State:
    """A state like `state` that holds these `arrays`. Raises `DataError` unless they fit and are finite."""
    if layout_of(flat(state)) != layout_of(arrays):
        raise DataError("its arrays are not those of the algorithm")
    if not all(np.isfinite(array).all() for array in arrays):
        raise DataError("it holds values that are no finite numbers")
    refilled: State = _refilled(state, iter(arrays))
    return refilled


def _leaves(state: tuple[Any, ...]) -> Iterator[Array]:
    for part in state:
        if isinstance(part, tuple):
            yield from _leaves(part)
        else:
            yield np.asarray(part)


def _refilled(state: Any, arrays: Iterator[Array]) -> Any:
    if isinstance(state, tuple):
        return type(state)(*[_refilled(part, arrays) for part in state])
    return next(arrays)
