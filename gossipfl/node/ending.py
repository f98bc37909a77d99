"""How a link to a neighbour ends: in peace, by itself, or because somebody broke a rule."""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.session import GOODBYE, rejection
from gossipfl.protocol.wire import Rejection


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a link ended; it is a refusal if somebody broke a rule."""

    reason: str
    detail: str = ""
    refusal: bool = False
    farewell: bytes = b""


def parted(refused: Rejection | None) -> Ending:
    """The ending of a link that the other side closes, in peace or with a rejection."""
    if refused is None:
        return Ending("goodbye")
    return Ending("refused-us", f"{refused.reason}: {refused.detail}", refusal=True)


def refused(error: RemoteProtocolError) -> Ending:
    """The ending of a link on which the other side broke a rule."""
    return Ending(error.reason, str(error), refusal=True, farewell=rejection(error.reason, str(error)))


PEACE = Ending("finished", farewell=GOODBYE)
