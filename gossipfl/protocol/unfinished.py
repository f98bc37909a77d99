"""What outlives a link of what one neighbour sent on it, so that nothing large is sent twice.

Rules:
- There is at most one body: what is kept of one is dropped before another begins.
- It goes on where it broke if the length and digest that are signed now are those that were signed then. The
  digest of the whole is judged before any of it is used.
- What was handed on whole is not taken again, by the very header that its sender signed.
"""

from __future__ import annotations

from gossipfl.protocol.framing import Body


class Unfinished:
    """Of one neighbour."""

    def __init__(self) -> None:
        self._body: Body | None = None
        self._digest = b""  # of all of the body, as it was signed
        self._finished = b""  # the header of the last large update that was handed on

    def keep(self, body: Body, digest: bytes) -> None:
        """Keep `body`, which was cut off, and all of which would have `digest`."""
        self._body, self._digest = body, digest

    def take(self, length: int, digest: bytes) -> Body | None:
        """What there is of a body of this `length` and `digest`; from now on nothing is kept."""
        body, self._body = self._body, None
        return body if body is not None and (len(body.content), self._digest) == (length, digest) else None

    def finish(self, header: bytes) -> None:
        """The update with this `header` was handed on."""
        self._finished = header

    def has(self, header: bytes) -> bool:
        """Whether the update with this `header` was handed on, and no large one since."""
        return header == self._finished
