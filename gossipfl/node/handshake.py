"""From a port or a bare connection to one whose other side holds a listed key, with a deadline."""

from __future__ import annotations

import errno
from typing import Any, cast

import trio

from gossipfl.errors import LinkError, RemoteProtocolError, SettingsError
from gossipfl.node.limits import CONNECT_S, HANDSHAKE_BYTES_MAX, HANDSHAKE_S
from gossipfl.node.tls import Credentials, tls_reason
from gossipfl.protocol.identity import Address

Stream = trio.SSLStream[trio.SocketStream]
BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


async def connect(address: Address) -> trio.SocketStream:
    """A bare connection to `address`. Raises `LinkError`."""
    try:
        with trio.fail_after(CONNECT_S):
            return await trio.open_tcp_stream(*address)
    except (OSError, UnicodeError, trio.TooSlowError) as error:
        raise LinkError(f"Nobody answers at {address}: {error}") from None


async def listen(address: Address) -> list[trio.SocketListener]:
    """Listeners at `address`. Raises `SettingsError` if nobody can listen there."""
    try:
        return await trio.open_tcp_listeners(address.port, host=address.host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"Listen on another port than {address}: it is in use.") from None
        raise SettingsError(f"Listen on an address of this machine instead of {address}: {error}.") from None


async def secure(
    transport: trio.SocketStream, credentials: Credentials, *, server: bool
) -> tuple[Stream, bytes]:
    """The connection under TLS, and the listed key of its other side.

    Raises `LinkError`, or `RemoteProtocolError` with a reason of `tls`, oversized-handshake or slow.
    """
    context = credentials.context(server=server)
    rationed = cast("trio.SocketStream", _Rationed(transport)) if server else transport
    stream: Stream = trio.SSLStream(rationed, context, server_side=server)
    try:
        with trio.fail_after(HANDSHAKE_S):
            await stream.do_handshake()
    except BROKEN as error:
        raise broken(error) from None
    except trio.TooSlowError:
        if not server:  # whoever we dialled is stopped or cut off, as far as we know
            raise LinkError("Nobody answers in TLS.") from None
        raise RemoteProtocolError("slow", f"The handshake took over {HANDSHAKE_S:g} s.") from None
    key = credentials.key_of(cast("Any", stream))
    stream.transport_stream = transport
    return stream, key


class _Rationed(trio.abc.Stream):
    """A connection to a stranger, of whom only so much is read."""

    def __init__(self, transport: trio.SocketStream) -> None:
        self._transport = transport
        self._left = HANDSHAKE_BYTES_MAX

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._left:
            raise RemoteProtocolError(
                "oversized-handshake", f"The handshake takes over {HANDSHAKE_BYTES_MAX} bytes."
            )
        data = await self._transport.receive_some(min(max_bytes or self._left, self._left))
        self._left -= len(data)
        return bytes(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._transport.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._transport.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._transport.aclose()


def broken(error: BaseException) -> LinkError | RemoteProtocolError:
    """What stands for trio's `error`: a rule that the other side broke, or a link that the system broke."""
    if (reason := tls_reason(error.__cause__)) is None:
        return LinkError("The link broke.")
    said = getattr(error.__cause__, "verify_message", None) or getattr(error.__cause__, "reason", None)
    return RemoteProtocolError(reason, f"TLS failed: {str(said).lower().replace('_', ' ')}.")
