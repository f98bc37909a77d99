"""One authenticated connection to a neighbour: it reads, writes and listens for silence until it ends.

Rules:
- A link ends with a reason and never with an exception that would stop the node.
- Whatever the other side does, each wait has a deadline and each queue a bound.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import trio

from gossipfl.errors import LinkError, RemoteProtocolError
from gossipfl.node.ending import Ending, parted, refused
from gossipfl.node.handshake import BROKEN, broken
from gossipfl.node.leaving import Leaving, OnLeaving
from gossipfl.node.limits import (
    CLOSE_S,
    FRAMES_BURST,
    FRAMES_PER_S,
    HASHERS,
    HEADER_S,
    HELLO_S,
    PING_TICKS,
    RECEIVE_BYTES,
    SILENT_TICKS_MAX,
    SUSPECT_TICKS,
    TICK_S,
    UNHASHED_BYTES,
    UNHASHED_BYTES_MAX,
    Allowance,
    body_s,
)
from gossipfl.node.outbox import Outbox
from gossipfl.node.stream import Stream
from gossipfl.protocol.framing import CHUNK_BYTES, OFFERED_BYTES, Body
from gossipfl.protocol.identity import Neighbour
from gossipfl.protocol.layout import body_bytes, layout_of
from gossipfl.protocol.messages import Message, PeerId, Traffic, Update, Witness
from gossipfl.protocol.session import (
    DUPLICATE,
    PING,
    PONG,
    Greeted,
    Happening,
    Held,
    Offered,
    Opened,
    Outgoing,
    Parted,
    Pinged,
    Session,
    Standing,
)
from gossipfl.protocol.wire import Rejection

_MENDED = ("broken", "silent", "replaced")
"""Ends of a link after which the next one goes on; where a rule was broken it does not."""

Deliver = Callable[[PeerId, Message], Awaitable[None]]
Suspect = Callable[[PeerId, bool], Awaitable[None]]
"""Told that a peer is suspected, because it is silent, or that it no longer is."""


@dataclass(slots=True)
class Heard:
    """What was heard so far: updates, and bytes of any kind within TLS."""

    messages_received: int = 0
    bytes_received: int = 0


class Link:
    """A connection to `peer`, from its greeting to its end; what leaves on it is `told`.

    All links of a node share its `encoder`, where one at a time makes a large update ready.
    Once it is abandoned, `unsaid` is the large update that was cut off, or not said to have come, unless a
    newer one was to follow.
    """

    def __init__(
        self,
        stream: Stream,
        session: Session,
        peer: Neighbour,
        spoken: Traffic,
        heard: Heard,
        told: OnLeaving,
        encoder: trio.CapacityLimiter,
        *,
        dialled: bool,
    ) -> None:
        self.peer = peer
        self.guest = False  # until one of the two says that the other is no neighbour
        self.dialled = dialled
        self.epoch = 0
        self.outbox = Outbox()
        self.ended = trio.Event()  # the peer knows that it is over
        self.closed = trio.Event()
        self.unsaid: Update | None = None
        self._stream = stream
        self._session = session
        self._spoken = spoken
        self._heard = heard
        self._ending: Ending | None = None
        self._scope = trio.CancelScope()
        self._happenings: Iterator[Happening] = iter(())
        self._frame_since = math.inf
        self._silent_ticks = 0
        self._reading = True
        self._sending: Update | None = None
        self._sent: Update | None = None  # a large one, until the other side has it
        self._held = -1  # bytes of what we offered, once that is answered
        self._leaving: Leaving | None = None
        self._on_leaving = told
        self._frames = Allowance(FRAMES_PER_S, FRAMES_BURST, trio.current_time())
        self._encoder = encoder
        self._hasher = trio.CapacityLimiter(1)
        self._grown = trio.Event()  # there is more to hash
        self._hashed = trio.Event()

    @property
    def standing(self) -> Standing:
        """What the choice between two links needs to know."""
        return Standing(self.dialled, self.epoch)

    # Before it is connected

    async def greet(self) -> None:
        """Say HELLO and hear that it is taken. Raises `RemoteProtocolError` or `LinkError`."""
        await self._send(self._session.hello())
        self.epoch = await self._greeting()

    async def await_greeting(self) -> None:
        """Hear a HELLO. Raises `RemoteProtocolError` or `LinkError`."""
        self.epoch = await self._greeting()

    async def _greeting(self) -> int:
        with trio.move_on_after(HELLO_S):
            match await self._hear():
                case Greeted(epoch):
                    return epoch
                case Opened(epoch, guest):
                    self.guest = guest
                    return epoch
                case Parted(Rejection(reason, detail)):
                    told = reason if reason == DUPLICATE else "refused-us"
                    raise RemoteProtocolError(told, f"It refused us ({reason}): {detail}")
            raise RemoteProtocolError("unexpected-type", "It did not greet.")
        raise RemoteProtocolError("slow", f"It did not greet within {HELLO_S:g} s.")

    async def confirm(self) -> bool:
        """Answer the HELLO, if it came from the other side; returns whether the link still stands."""
        if self._ending is None and not self.dialled:
            try:
                await self._send(self._session.accept(guest=self.guest))
            except (LinkError, RemoteProtocolError):
                return False
        return self._ending is None

    # Connected

    async def run(self, deliver: Deliver, suspect: Suspect) -> Ending:
        """Converse until the link ends; hand each message heard to `deliver` and each doubt to `suspect`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._guarded, self._write)
                nursery.start_soon(self._tick, suspect)
                nursery.start_soon(self._hash)
                await self._guarded(self._read, deliver)
        return self._ending or Ending("cancelled")

    def end(self, ending: Ending) -> None:
        """End the link; the first reason given stays."""
        if self._ending is None:
            self._ending = ending
        self._scope.cancel()

    async def part(self, farewell: bytes) -> None:
        """Say `farewell`, if any, and wait a little until the other side has read it."""
        with trio.move_on_after(CLOSE_S), contextlib.suppress(*BROKEN):
            if farewell:
                await self._stream.send_all(farewell)
                await self._stream.send_eof()
                while await self._stream.receive_some():
                    pass  # closing with bytes unread would reset what they have yet to read

    def abandon(self) -> None:
        """Nothing more is said or heard: keep what was cut off, count what was lost, and tell who waits."""
        self._session.cut_off()
        mends = self._ending is not None and self._ending.reason in _MENDED
        last = self._sending or self._sent
        if mends and last is not None and self._is_large(last) and not self.outbox.waits(last):
            self.unsaid = last
        elif self._sending is not None:
            self._spoken.messages_lost += 1
        self._spoken.messages_lost += self.outbox.close()
        if self._leaving is not None:
            self._on_leaving(self._leaving._replace(cut_off=True))
        self.ended.set()

    async def close(self) -> None:
        """Close the connection."""
        self.closed.set()
        await trio.aclose_forcefully(self._stream)

    def send(self, message: Message) -> None:
        """Say `message` when the link comes to it; an update may be replaced until then."""
        if not isinstance(message, Update):
            hurries = not isinstance(message, Witness)  # after a round of ours, so before our next update
            self.outbox.say(self._session.control(message), hurries=hurries)
        elif self.outbox.put(message):
            self._spoken.messages_lost += 1

    async def _guarded(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        try:
            await task(*args)
        except RemoteProtocolError as error:
            self.end(refused(error))
        except LinkError as error:
            self.end(Ending("broken", str(error)))

    async def _read(self, deliver: Deliver) -> None:
        while True:
            match await self._hear():
                case message if isinstance(message, Message):
                    if isinstance(message, Update):
                        self._heard.messages_received += 1
                    else:
                        self._take_allowance()
                    self._reading = False
                    await deliver(self.peer.number, message)
                    self._reading = True
                    if isinstance(message, Update):
                        self._say(self._session.handed_on(message))
                case Offered(answer, whole):
                    if whole:  # else it is paid for by the body that must follow
                        self._take_allowance()
                    self.outbox.say(answer)
                case Held(sequence, held, whole):
                    self._held = held
                    self.outbox.stir()
                    if whole and self._sent is not None and self._sent.sequence == sequence:
                        self._sent = None
                case Parted(refused):
                    return self.end(parted(refused))
                case other:
                    self._take_allowance()
                    if isinstance(other, Pinged):
                        self.outbox.say(PONG)

    def _say(self, frame: bytes) -> None:
        if frame:
            self.outbox.say(frame)

    def _take_allowance(self) -> None:
        if not self._frames.take(trio.current_time()):
            raise RemoteProtocolError("flood", f"It sent over {FRAMES_PER_S:g} control frames a second.")

    async def _write(self) -> None:
        while True:
            due = await self.outbox.next()
            if isinstance(due, bytes):
                await self._send(due)
                continue
            self._sending = due
            outgoing = await self._encoded(due)
            held = await self._offer(due, outgoing) if outgoing.offer else 0
            if held < outgoing.body_bytes:
                self._sent = due if outgoing.offer else None
                await self._send_body(due, outgoing, held)
            self._sending = None
            self._spoken.messages_sent += 1

    async def _send_body(self, update: Update, outgoing: Outgoing, held: int) -> None:
        self._leaving = Leaving(
            self.peer, update.round, update.sequence, outgoing.body_bytes - held, outgoing.digest
        )
        self._on_leaving(self._leaving)
        pieces = outgoing.rest(held) if outgoing.offer else outgoing.pieces
        if outgoing.body_bytes <= CHUNK_BYTES:
            pieces = iter([b"".join(pieces)])  # a small one is one record of TLS, or few, in one system call
        for piece in pieces:
            await self._send(self.outbox.control() + piece)
        self._leaving = None

    async def _offer(self, update: Update, outgoing: Outgoing) -> int:
        """How many bytes of it the other side has; meanwhile all that is no update is said."""
        self._held = -1
        await self._send(self.outbox.control() + self._session.offer(outgoing, update.sequence))
        with trio.move_on_after(body_s(outgoing.body_bytes)):
            while self._held < 0:
                if frames := await self.outbox.word():
                    await self._send(frames)
            return self._held
        raise LinkError(f"{self.peer.name} does not say what it has of an update.")

    async def _encoded(self, update: Update) -> Outgoing:
        if not self._is_large(update):
            return self._session.update(update)
        return await trio.to_thread.run_sync(
            self._encode, update, abandon_on_cancel=True, limiter=self._encoder
        )

    def _encode(self, update: Update) -> Outgoing:
        with ThreadPoolExecutor(HASHERS) as pool:
            return self._session.update(update, pool.map)

    def _is_large(self, update: Update) -> bool:
        return body_bytes(layout_of(update.payload)) >= OFFERED_BYTES

    async def _hash(self) -> None:
        """Hash in a thread what arrives of an update, while more of it arrives."""
        while True:
            await self._grown.wait()
            self._grown = trio.Event()
            if (body := self._session.reader.body) is not None:
                await trio.to_thread.run_sync(body.hash, limiter=self._hasher)
            self._hashed.set()

    async def _mind_hash(self, body: Body | None) -> None:
        """Have hashed what arrived of a large `body`, and wait while that lags or its end is near."""
        if body is None or len(body.content) < OFFERED_BYTES:
            return
        most = UNHASHED_BYTES_MAX if body.missing > RECEIVE_BYTES else RECEIVE_BYTES
        if body.unhashed >= min(most, UNHASHED_BYTES):
            self._grown.set()
        while body.unhashed > most:
            self._grown.set()
            self._hashed = trio.Event()
            await self._hashed.wait()

    async def _tick(self, suspect: Suspect) -> None:
        """Ping now and then, and end the link after so many silent ticks of our own, perhaps late, clock."""
        ticks, suspected = 0, False
        while self._silent_ticks < SILENT_TICKS_MAX:
            await trio.sleep(TICK_S)
            ticks += 1
            if ticks % PING_TICKS == 0:
                self.outbox.say(PING)
            self._silent_ticks = self._silent_ticks + 1 if self._reading else 0
            if (self._silent_ticks >= SUSPECT_TICKS) is not suspected:
                suspected = not suspected
                await suspect(self.peer.number, suspected)
        self.end(Ending("silent", f"Not a byte came for {SILENT_TICKS_MAX * TICK_S:g} s."))

    async def _send(self, data: bytes) -> None:
        try:
            with trio.move_on_after(body_s(len(data))):
                await self._stream.send_all(data)
                self._spoken.bytes_sent += len(data)
                return
        except BROKEN as error:
            raise broken(error) from None
        raise LinkError(f"{self.peer.name} does not read what we send.")

    async def _hear(self) -> Happening:
        """The next thing that the other side does."""
        while True:
            for happening in self._happenings:
                if isinstance(happening, Update):
                    self._frame_since = math.inf
                return happening
            limit_s = self._mind_frame()
            if self._frame_since == math.inf:  # nothing is due, as most of the time
                await self._receive()
                continue
            with trio.move_on_at(self._frame_since + limit_s) as scope:
                await self._mind_hash(self._session.reader.body)
                await self._receive()
            if scope.cancelled_caught:
                raise RemoteProtocolError("slow", f"A frame took over {limit_s:.0f} s.")

    def _mind_frame(self) -> float:
        """Note when the frame began that is arriving; returns how many seconds it may take."""
        if self._session.reader.between_frames:
            self._frame_since = math.inf
        elif self._frame_since == math.inf:
            self._frame_since = trio.current_time()
        body = self._session.reader.body
        return body_s(len(body.content)) if body is not None else HEADER_S

    async def _receive(self) -> None:
        """Let what comes next happen, one after the other."""
        try:
            if data := await self._stream.receive_some():
                self._heard.bytes_received += len(data)
                self._happenings = self._session.receive(data)
                self._silent_ticks = 0
                return
        except BROKEN as error:
            raise broken(error) from None
        raise LinkError(f"{self.peer.name} closed the link.")
