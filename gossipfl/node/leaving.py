"""An update on its way out of the node, as it is told to whoever keeps account of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gossipfl.protocol.identity import Neighbour


class Leaving(NamedTuple):
    """An update whose first byte is about to leave on the link `to` a neighbour, or that was cut off."""

    to: Neighbour
    round: int
    sequence: int
    body_bytes: int  # of its body, without what the neighbour had of it
    digest: bytes  # of all of its body, as it was signed
    cut_off: bool = False


OnLeaving = Callable[[Leaving], None]
