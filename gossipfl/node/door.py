"""The door of a node: where strangers wait, who were accepted and have not yet been let in.

Rules:
- There is room for so many in all and from one host; who has waited longest there makes room for the next.
  So whoever answers quickly comes in, however many only stand around.
- When all room is taken, it is the host with the most strangers that loses one.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from gossipfl.node.limits import STRANGERS_MAX, STRANGERS_PER_HOST_MAX


class Doorway:
    """The door of a node whose `neighbours` may all come from one host, as they do behind one gateway."""

    def __init__(self, neighbours: int) -> None:
        self.expect(neighbours)
        self._waiting: dict[trio.CancelScope, str] = {}  # the host of each; who came first is first

    def expect(self, neighbours: int) -> None:
        """There are so many `neighbours` from now on."""
        self._most = max(STRANGERS_MAX, neighbours)
        self._most_per_host = max(STRANGERS_PER_HOST_MAX, neighbours)

    @contextmanager
    def stranger(self, address: str) -> Iterator[trio.CancelScope]:
        """A scope for as long as somebody from `address` is a stranger; cancelled to make room."""
        host = _host(address)
        self._make_room(host)
        with trio.CancelScope() as scope:
            self._waiting[scope] = host
            try:
                yield scope
            finally:
                self._waiting.pop(scope, None)

    def _make_room(self, host: str) -> None:
        hosts = Counter(self._waiting.values())
        if len(self._waiting) >= self._most:
            host = hosts.most_common(1)[0][0]
        elif hosts[host] < self._most_per_host:
            return
        first = next(scope for scope, other in self._waiting.items() if other == host)
        del self._waiting[first]
        first.cancel()


def _host(address: str) -> str:
    """The host to count `address` under: one customer has a whole IPv6 network of 64 bits."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return address
    return str(known.ipv4_mapped or ipaddress.IPv6Address(int(known) >> 64 << 64))
