"""From a port or a bare connection to one whose other side holds a listed key, with a deadline."""

from __future__ import annotations

import errno

import trio

from gossipfl.errors import LinkError, RemoteProtocolError, SettingsError
from gossipfl.node.limits import CONNECT_S, HANDSHAKE_BYTES_MAX, HANDSHAKE_S
from gossipfl.node.stream import Stream
from gossipfl.node.tls import Credentials, tls_reason
from gossipfl.protocol.identity import Address

BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)

_UNLISTED = "TLSV1_ALERT_UNKNOWN_CA"
"""What OpenSSL calls the answer of whoever does not list our key."""


async def connect(address: Address) -> trio.SocketStream:
    """A bare connection to `address`. Raises `LinkError`."""
    try:
        with trio.fail_after(CONNECT_S):
            return await trio.open_tcp_stream(*address)
    except (OSError, UnicodeError, trio.TooSlowError) as error:
        raise LinkError(f"Nobody answers at {address}: {error}") from None


async def listen(address: Address, setting: str) -> list[trio.SocketListener]:
    """Listeners at `address`, which `setting` names. Raises `SettingsError` if nobody can listen there."""
    try:
        return await trio.open_tcp_listeners(address.port, host=address.host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"Choose another {setting} than {address}, or stop what uses it: it is in use."
            ) from None
        raise SettingsError(
            f"Choose an address of this machine for {setting} instead of {address}: {error}."
        ) from None


async def try_out(address: Address, setting: str) -> None:
    """Raise `SettingsError` unless one can listen at `address`, which `setting` names."""
    for listener in await listen(address, setting):
        await listener.aclose()


async def secure(
    transport: trio.SocketStream, credentials: Credentials, *, server: bool
) -> tuple[Stream, bytes]:
    """The connection under TLS, and the listed key of its other side.

    Raises `LinkError`, or `RemoteProtocolError` with a reason of `tls`, oversized-handshake or slow.
    """
    stream = Stream(transport, credentials.context(server=server), server=server)
    try:
        with trio.fail_after(HANDSHAKE_S):
            await stream.do_handshake(HANDSHAKE_BYTES_MAX)
    except BROKEN as error:
        raise broken(error) from None
    except trio.TooSlowError:
        if not server:  # whoever we dialled is stopped or cut off, as far as we know
            raise LinkError("Nobody answers in TLS.") from None
        raise RemoteProtocolError("slow", f"The handshake took over {HANDSHAKE_S:g} s.") from None
    return stream, credentials.key_of(stream.tls)


def broken(error: BaseException) -> LinkError | RemoteProtocolError:
    """What stands for trio's `error`: a rule that the other side broke, or a link that the system broke."""
    if (reason := tls_reason(error.__cause__)) is None:
        return LinkError("The link broke.")
    if getattr(error.__cause__, "reason", None) == _UNLISTED:
        return RemoteProtocolError(
            reason,
            "It does not list this node's key, or has not heard of it yet: ask it to add our line.",
        )
    said = getattr(error.__cause__, "verify_message", None) or getattr(error.__cause__, "reason", None)
    return RemoteProtocolError(reason, f"TLS failed: {str(said).lower().replace('_', ' ')}.")
