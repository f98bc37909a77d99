"""TLS on a connection: reads and writes many records in one turn of the event loop.

Rules:
- One task may send while another receives. What TLS itself has to say, such as that it took another key,
  goes out before what is said next.
- What was cut off while it was sent leaves half a record behind: nothing more can be said after it.
- What arrived before an error is handed out before the error is.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import cast

import trio

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.limits import RECEIVE_BYTES

_RECORD_BYTES = 16 * 1024


class Stream(trio.abc.AsyncResource):
    """The connection `transport` under the TLS of `context`. Raises the errors of trio's own streams.

    Trio's `SSLStream` yields to the event loop after each record of 16 KiB, which costs more than its bytes.
    """

    def __init__(self, transport: trio.SocketStream, context: ssl.SSLContext, *, server: bool) -> None:
        self._transport = transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server)
        self._error: ssl.SSLError | None = None
        self._over = False  # the other side says no more
        self._cut_off = False
        self._room = memoryview(bytearray(_RECORD_BYTES))  # for who says little; it grows

    async def do_handshake(self, bytes_max: int) -> None:
        """Until both sides are sure of each other. Raises `RemoteProtocolError`: oversized-handshake."""
        left = bytes_max
        while not await self._shaken():
            if not left:
                raise RemoteProtocolError(
                    "oversized-handshake", f"The handshake takes over {bytes_max} bytes."
                )
            left -= await self._feed(left)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, which is not empty."""
        if self._cut_off:
            raise trio.BrokenResourceError
        try:
            self.tls.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError from error
        await self._flush()

    async def receive_some(self) -> memoryview:
        """What there is, or else comes next, until more is asked for; nothing when the other side ends."""
        while not (data := self._decrypted()):
            if self._over:
                break
            if self._error is not None:
                raise trio.BrokenResourceError from self._error
            await self._feed(RECEIVE_BYTES)
        return data

    async def send_eof(self) -> None:
        """Say no more."""
        await self._transport.send_eof()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._transport.aclose()

    async def _shaken(self) -> bool:
        """Whether the handshake is over on our side; the other is told, even why it is refused."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            await self._flush()
            return False
        except ssl.SSLError as error:
            with contextlib.suppress(trio.BrokenResourceError):  # it is gone, and was refused all the same
                await self._flush()
            raise trio.BrokenResourceError from error
        await self._flush()
        return True

    def _decrypted(self) -> memoryview:
        """The records that are whole, as many as there is room for."""
        filled = 0
        try:
            while self._may_hold_more and (room := self._room[filled:]):
                read = cast("int", self.tls.read(len(room), room))  # into a buffer: how many bytes
                if not read:
                    self._over = True
                    break
                filled += read
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = self._error or error
        data = self._room[:filled]
        if filled == len(self._room):
            self._room = memoryview(bytearray(RECEIVE_BYTES))
        return data

    @property
    def _may_hold_more(self) -> bool:
        """Whether there is anything to decrypt: to ask TLS in vain costs as much as a small record."""
        return bool(self._incoming.pending or self._incoming.eof or self.tls.pending())

    async def _feed(self, bytes_max: int) -> int:
        data = await self._transport.receive_some(bytes_max)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return len(data)

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            self._cut_off = True
            await self._transport.send_all(data)
            self._cut_off = False
