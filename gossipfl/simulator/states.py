"""The states of all peers of a crowd: for each array in a state of one peer, an array whose rows are peers.

Rules:
- A state is an array, or a tuple of states; so it is for one peer, for a block and for all.
- A block of neighbours in a row is a view, not a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array
from gossipfl.simulator.shelf import Shelf
from gossipfl.simulator.ties import Block


class States:
    """Those of `peers`, each laid out like `one`, the state of a crowd of one."""

    def __init__(self, one: Any, peers: int, shelf: Shelf) -> None:
        self._one = one
        self._arrays = [shelf.zeros((peers, *part.shape[1:]), part.dtype) for part in _arrays(one)]

    @property
    def bytes_each(self) -> int:
        """What one peer takes."""
        return sum(part.nbytes for part in _arrays(self._one))

    def of(self, peers: Block) -> Any:
        """The state of `peers`."""
        return _built(self._one, iter([array[peers] for array in self._arrays]))

    def put(self, peers: Block, state: Any, before: Any = ()) -> None:
        """Keep the `state` of `peers`; parts that still are what they were `before` are there already."""
        old: list[Array | None] = list(_arrays(before)) or [None] * len(self._arrays)
        parts = zip(self._arrays, _arrays(state), old, strict=True)
        changed = [(kept, self._apart(part)) for kept, part, was in parts if part is not was]
        for kept, part in changed:
            if part.shape[1:] != kept.shape[1:]:
                raise SettingsError(
                    f"The algorithm or its aggregator gave an array of shape {part.shape[1:]} for a peer in "
                    f"the place of {kept.shape[1:]}: see gossipfl.testing for checks of your own."
                )
            kept[peers] = part

    def _apart(self, part: Array) -> Array:
        """`part`, or a copy if it lies where another part is about to be written."""
        return part.copy() if any(np.may_share_memory(part, kept) for kept in self._arrays) else part


def _arrays(state: Any) -> Iterator[Array]:
    if isinstance(state, tuple):
        for part in state:
            yield from _arrays(part)
    else:
        yield state


def _built(like: Any, arrays: Iterator[Array]) -> Any:
    if not isinstance(like, tuple):
        return next(arrays)
    return type(like)(*(_built(part, arrays) for part in like))
