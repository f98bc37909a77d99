"""A window of a node, through which its operator looks in from the same machine: HTTP, to be read alone.

Rules:
- Nothing that is asked changes anything: GET and HEAD, and one request a connection.
- Whoever looks has 5 s, 4 KiB of headers, and one of 16 places; who came first makes room. Pages are made
  ten times a second at most in the long run.
- A broken or hostile request costs its own connection. It is not recorded: it says nothing of the run.
- A web page that a browser shows on this machine cannot look in under a name of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import h11
import trio

from gossipfl.node.door import Doorway
from gossipfl.node.handshake import BROKEN, listen
from gossipfl.node.limits import (
    CLOSE_S,
    WINDOW_BURST,
    WINDOW_HEADERS_BYTES,
    WINDOW_PER_S,
    WINDOW_S,
    Allowance,
)
from gossipfl.node.runner import sole
from gossipfl.protocol.identity import Address

_DRAINED_MAX = 16
"""How many more pieces are read of what was said too much, so that the answer arrives before the end."""

_WORDS = {
    404: "There is no such page.",
    405: "Pages are read alone: GET or HEAD.",
    421: "Ask under an address, or as localhost.",
    429: f"Ask less often than {WINDOW_PER_S:g} times a second.",
    431: f"Send less than {WINDOW_HEADERS_BYTES} bytes of headers.",
}


class Page(NamedTuple):
    """What is seen: an HTTP status, a media type, and the bytes."""

    status: int
    kind: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]
"""By path, such as "/metrics"; each is made when it is asked for, and must be quick."""


@asynccontextmanager
async def window(address: Address, pages: Pages) -> AsyncIterator[Address]:
    """Show `pages` at `address` (port 0: any) while the block runs; yields where.

    Raises `SettingsError` if nobody can listen there.
    """
    listeners = await listen(address, "node.metrics")
    doorway, allowance = Doorway(0), Allowance(WINDOW_PER_S, WINDOW_BURST, trio.current_time())

    async def serve(stream: trio.SocketStream) -> None:
        with suppress(*BROKEN), doorway.stranger("here"), trio.move_on_after(WINDOW_S):
            await _converse(stream, pages, allowance)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            yield Address(*listeners[0].socket.getsockname()[:2])
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise sole(group) from None


async def _converse(stream: trio.SocketStream, pages: Pages, allowance: Allowance) -> None:
    """One request, its answer, and a little patience until that has been read."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=WINDOW_HEADERS_BYTES)
    head = False
    try:
        if (request := await _request(stream, connection)) is None:
            return
        head = request.method == b"HEAD"
        page = _page(request, pages) if allowance.take(trio.current_time()) else _refusal(429)
    except h11.RemoteProtocolError as error:
        page = _refusal(error.error_status_hint)
    await stream.send_all(_answer(connection, page, head=head))
    await stream.send_eof()
    with trio.move_on_after(CLOSE_S):
        for _ in range(_DRAINED_MAX):
            if not await stream.receive_some(WINDOW_HEADERS_BYTES):
                return


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> h11.Request | None:
    """What is asked; None if the other side closes instead. Raises `h11.RemoteProtocolError`."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await stream.receive_some(WINDOW_HEADERS_BYTES))
    return event if isinstance(event, h11.Request) else None


def _page(request: h11.Request, pages: Pages) -> Page:
    if request.method not in (b"GET", b"HEAD"):
        return _refusal(405)
    if not all(_is_here(value) for name, value in request.headers if name == b"host"):
        return _refusal(421)
    path = request.target.partition(b"?")[0].decode("ascii", "replace")
    return pages[path]() if path in pages else _refusal(404)


def _is_here(host: bytes) -> bool:
    """Whether a Host header gives an address, or localhost, rather than a name that may mean anybody."""
    text = host.decode("ascii", "replace")
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refusal(status: int) -> Page:
    words = _WORDS.get(status, "Ask in HTTP/1.1.")
    return Page(status, "text/plain; charset=utf-8", f"{words}\n".encode())


def _answer(connection: h11.Connection, page: Page, *, head: bool) -> bytes:
    headers = [
        ("Content-Type", page.kind),
        ("Content-Length", str(len(page.body))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
        *([("Allow", "GET, HEAD")] if page.status == 405 else []),
    ]
    said = [connection.send(h11.Response(status_code=page.status, headers=headers))]
    if not head:
        said.append(connection.send(h11.Data(data=page.body)))
    said.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in said if part)
