"""All links of a node: each neighbour is dialled for ever, whoever knocks is asked for its key.

Rules:
- To the peer a neighbour is there (`Joined`) or not (`Left`), in that order, over whichever connection.
- Who is a neighbour may change while the node runs: `enlist`, `delist`.
- A member that is no neighbour comes as a guest, and is told of the members alone, so that whoever knows one
  finds all; the peer hears nothing of it. Whoever dials us takes us for a neighbour; we may be its guest.
- In between it may fall silent (`Suspected`) and be heard again (`Trusted`).
- A broken rule closes one connection, is counted by reason, and never stops the node.
- A large update that was cut off is said again on the next link, by the same two lives of both, unless
  somebody was told a newer one; what came of it then is not sent again.
- Each refusal is told: whoever writes them down rations what it writes, or strangers fill a disk.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Mapping
from typing import NamedTuple, Never, Protocol

import trio

from gossipfl.errors import LinkError, RemoteProtocolError
from gossipfl.node.door import Doorway
from gossipfl.node.ending import PEACE, Ending
from gossipfl.node.handshake import connect, listen, secure
from gossipfl.node.leaving import OnLeaving
from gossipfl.node.limits import (
    ARRIVALS_BURST,
    ARRIVALS_PER_S,
    CLOSE_S,
    CONNECTIONS_PER_MEMBER_MAX,
    DRAIN_S,
    GUESTS_MAX,
    Allowance,
    Backoff,
)
from gossipfl.node.link import Heard, Link
from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import (
    Admitted,
    Event,
    Expelled,
    Joined,
    Left,
    Offended,
    Received,
    Suspected,
    Trusted,
)
from gossipfl.protocol.identity import Address, Neighbour, Roster
from gossipfl.protocol.messages import Membership, Message, PeerId, Traffic, Update
from gossipfl.protocol.reputation import QUARANTINED
from gossipfl.protocol.session import DUPLICATE, Session, Speaker, Standing, rejection, takes_over
from gossipfl.protocol.unfinished import Unfinished

LATELY_S = 600.0
"""Whoever was there so lately is dialled more often. Our guess."""

STABLE_S = 2.0
"""A link that lasted so long was a good one: the next dial comes soon again. Our guess."""


Happened = Event | Suspected | Trusted


class Listener(Protocol):
    """Who is told what neighbours say of the members, and when links come and go."""

    def joined(self, peer: PeerId) -> None:
        """The link to `peer` is there."""

    def met(self, peer: Neighbour, *, dialled: bool) -> None:
        """The link to `peer` is there, and one is the other's guest: we, if we `dialled`."""

    def left(self, peer: PeerId) -> None:
        """The link to `peer` is down."""

    def heard(self, peer: PeerId, message: Membership) -> None:
        """`peer` said this. Raises `RemoteProtocolError`."""


class Refusal(NamedTuple):
    """Somebody broke a rule. `peer` is None for whoever is no neighbour: a stranger, of whom the address is
    known alone, or a guest."""

    peer: PeerId | None
    who: str
    reason: str
    detail: str


class Links:
    """The links of the node `own` to the neighbours in `roster`; it listens on `listen` (port 0: any).

    Those `barred` have a place in the run, and are strangers. Where what was cut off does not stand alone, do
    not `say_again`.
    """

    def __init__(
        self,
        own: Speaker,
        roster: Roster,
        listen: Address,
        on_refusal: Callable[[Refusal], None],
        on_leaving: OnLeaving = lambda _: None,
        assembly: Listener | None = None,
        barred: Container[bytes] = (),
        *,
        say_again: bool = True,
    ) -> None:
        self.spoken = Traffic()
        self.heard = Heard()
        self.refused: Counter[str] = Counter()
        self._own = own
        self._roster = roster
        self._listen = listen
        self._on_refusal = on_refusal
        self._on_leaving = on_leaving
        self._assembly = assembly
        self._shut_until: dict[PeerId, float] = {}
        self._by_key = {peer.key: peer for peer in roster.neighbours if peer.key not in barred}
        self._members: dict[bytes, Neighbour] = {}
        self._credentials = Credentials(own.identity, self._by_key)
        self._trusted = set(self._by_key)
        self._doorway = Doorway(len(roster.neighbours))
        self._links: dict[PeerId, Link] = {}
        self._open_links: dict[Link, None] = {}  # those above, and those that are parting
        self._unfinished: dict[PeerId, Unfinished] = {}
        self._say_again = say_again
        self._unsaid: dict[PeerId, tuple[int, Update]] = {}  # with the boot epoch of whom it is for
        self._arrivals: dict[PeerId, Allowance] = {}
        self._greeting: set[PeerId] = set()  # whom our own HELLO has reached
        self._arriving: Counter[PeerId] = Counter()  # connections that have yet to greet
        self._encoder = trio.CapacityLimiter(1)  # who waits for it finds a large update hashed already
        self._door = trio.CancelScope()
        self._dials: dict[PeerId, trio.CancelScope] = {}
        self._dialling: trio.Nursery | None = None

    async def run(
        self,
        events: trio.MemorySendChannel[Happened],
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen and dial until cancelled; `started` with the address that is listened on.

        Raises `SettingsError` if nobody can listen there.
        """
        self._events = events
        listeners = await listen(self._listen, "node.listen")
        async with trio.open_nursery() as self._conversations:
            with self._door:
                async with trio.open_nursery() as self._dialling:
                    for peer in self.neighbours:
                        self._begin_to_dial(peer)
                    self._dialling.start_soon(self._serve, listeners)
                    task_status.started(Address(*listeners[0].socket.getsockname()[:2]))
            await trio.sleep_forever()

    def send(self, to: PeerId, message: Message) -> None:
        """Say `message` to `to`; it is lost if there is no link now."""
        if isinstance(message, Update):
            self._forget_before(message)
        if (link := self._links.get(to)) is not None:
            link.send(message)
        else:
            self.spoken.messages_lost += 1

    def _forget_before(self, update: Update) -> None:
        """What was cut off before `update` was learnt is lost."""
        for number, (_, unsaid) in list(self._unsaid.items()):
            if unsaid.round < update.round:
                self._forget(number)

    def _forget(self, number: PeerId) -> None:
        if self._unsaid.pop(number, None) is not None:
            self.spoken.messages_lost += 1

    def drop(self, peer: PeerId, why: str, for_s: float = 0.0) -> None:
        """Close the link to `peer`, which broke the rule `why`; it may come back after `for_s` seconds."""
        if for_s:
            self._shut_until[peer] = trio.current_time() + for_s
        if (link := self._links.get(peer)) is not None:
            link.end(Ending(why, farewell=rejection(why, "An update broke this rule.")))

    @property
    def own_key(self) -> bytes:
        """The node's public key."""
        return self._own.identity.key

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """All who are neighbours now."""
        return tuple(self._by_key.values())

    async def enlist(self, peer: Neighbour) -> None:
        """`peer` is a neighbour from now on; if it is one already, this is its address from now on."""
        new = peer.key not in self._by_key
        if new:
            await self._events.send(Admitted(peer.number, peer.key))
        self._by_key[peer.key] = peer
        if new:
            self._trust()
            if (link := self._links.get(peer.number)) is not None:
                link.end(PEACE)  # it is a guest's: the next one is between neighbours
        self._begin_to_dial(peer)

    async def demote(self, peer: Neighbour) -> None:
        """`peer`, a member whose guest we are, is no neighbour any more; as its guest we may stay."""
        del self._by_key[peer.key]
        self._dials.pop(peer.number).cancel()
        if (link := self._links.get(peer.number)) is not None and not link.guest:
            link.end(PEACE)
        self._forget(peer.number)
        await self._events.send(Expelled(peer.number))

    def know(self, members: Mapping[bytes, Neighbour]) -> None:
        """These are the members from now on: those that are no neighbours come as guests.

        What is closed is closed though a disk is full; then it raises `OSError`, and nobody new comes in.
        """
        self._members = {key: peer for key, peer in members.items() if key != self.own_key}
        for link in list(self._open_links):
            if link.guest and self._listed(link.peer.key) is None:
                link.end(Ending("delisted", farewell=rejection("delisted", "The list of members says so.")))
        self._trust()

    async def delist(self, peer: Neighbour, why: str) -> None:
        """`peer` is none any more, for the reason `why`: its link ends, and a new one is refused."""
        if self._by_key.pop(peer.key, None) is None:
            return
        self._unfinished.pop(peer.number, None)
        self._forget(peer.number)
        if (scope := self._dials.pop(peer.number, None)) is not None:
            scope.cancel()
        if (link := self._links.get(peer.number)) is not None:
            link.end(Ending(why, farewell=rejection(why, "The list of members says so.")))
        await self._events.send(Expelled(peer.number))

    def _listed(self, key: bytes) -> Neighbour | None:
        """Who may come with this `key`: a neighbour, or a guest."""
        return self._by_key.get(key) or self._members.get(key)

    def _trust(self) -> None:
        keys = self._members.keys() | self._by_key.keys()
        if keys != self._trusted:
            self._credentials.trust(keys)
            self._trusted = keys
        self._doorway.expect(len(self._by_key))

    @property
    def shut_out(self) -> set[PeerId]:
        """Who is shut out now."""
        now = trio.current_time()
        return {peer for peer, until in self._shut_until.items() if now < until}

    async def close(self) -> None:
        """Send what waits, say goodbye to all, and close: at most 5 s and then 2 s."""
        self._door.cancel()
        links = list(self._open_links)
        with trio.move_on_after(DRAIN_S):
            for link in links:
                await link.outbox.drained()
        for number in list(self._unsaid):
            self._forget(number)
        for link in links:
            link.end(PEACE)
        with trio.move_on_after(2 * CLOSE_S):
            for link in links:
                await link.closed.wait()

    # Dialling

    def _begin_to_dial(self, peer: Neighbour) -> None:
        """Dial it for ever, in the place of what it was dialled as."""
        if (before := self._dials.pop(peer.number, None)) is not None:
            before.cancel()
        self._dials[peer.number] = scope = trio.CancelScope()
        if self._dialling is not None:
            self._dialling.start_soon(self._dial_within, scope, peer)

    async def _dial_within(self, scope: trio.CancelScope, peer: Neighbour) -> None:
        with scope:
            await self._dial_for_ever(peer)

    async def _dial_for_ever(self, peer: Neighbour) -> Never:
        backoff, seen_at = Backoff(), -math.inf
        while True:
            await trio.sleep_until(self._shut_until.get(peer.number, -math.inf))
            if peer.number not in self._links:
                await self._dial(peer)
            if (link := self._links.get(peer.number)) is not None:
                since = trio.current_time()
                await link.ended.wait()
                seen_at = trio.current_time()
                if seen_at - since > STABLE_S:
                    backoff.reset()
            near = link is None and trio.current_time() - seen_at < LATELY_S
            await trio.sleep(backoff.pause_s(near=near))

    async def _dial(self, peer: Neighbour) -> None:
        try:
            transport = await connect(peer.address)
        except LinkError:
            return
        if (opened := await self._open(transport, str(peer.address), peer)) is not None:
            self._conversations.start_soon(self._live, *opened)

    async def _greet(self, link: Link, expected: Neighbour) -> bool:
        """Whether the link that we dialled is taken, and wanted still."""
        if link.peer.key != expected.key:
            raise RemoteProtocolError(
                "wrong-key", f"{link.peer.name} answers at the address of {expected.name}."
            )
        if expected.number in self._links:
            return False
        self._greeting.add(expected.number)
        try:
            await link.greet()
        finally:
            self._greeting.discard(expected.number)
        return expected.number not in self._links

    # Accepting

    async def _serve(self, listeners: list[trio.SocketListener]) -> None:
        await trio.serve_listeners(self._welcome, listeners, handler_nursery=self._conversations)

    async def _welcome(self, transport: trio.SocketStream) -> None:
        try:
            host = str(transport.socket.getpeername()[0])
        except OSError:
            host = "unknown"
        opened = None
        with self._doorway.stranger(host) as place:
            opened = await self._open(transport, host, None)
        if place.cancelled_caught:
            self._refuse(None, host, RemoteProtocolError("crowded", "Another stranger took its place."))
        if opened is not None:
            await self._live(*opened)

    async def _admit(self, link: Link) -> bool:
        """Whether the link that was dialled to us greets well, and replaces the one that stands."""
        number = link.peer.number
        if self._arriving[number] + (number in self._links) >= CONNECTIONS_PER_MEMBER_MAX:
            raise RemoteProtocolError("crowded", "It connects again before its last connection has greeted.")
        self._arriving[number] += 1
        try:
            await link.await_greeting()
        finally:
            self._arriving[number] -= 1
        link.guest = link.peer.key not in self._by_key
        if trio.current_time() < self._shut_until.get(number, -math.inf):
            raise RemoteProtocolError(QUARANTINED, "It is shut out for rules that it broke.")
        new = Allowance(ARRIVALS_PER_S, ARRIVALS_BURST, trio.current_time())
        if not self._arrivals.setdefault(number, new).take(trio.current_time()):
            raise RemoteProtocolError("flood", "It connects anew too often.")
        standing = Standing(dialled=True, epoch=None) if number in self._greeting else None
        if number in self._links:
            standing = self._links[number].standing
        return takes_over(self._own.identity.key, link.peer.key, link.epoch, standing)

    # Both

    async def _open(
        self, transport: trio.SocketStream, where: str, expected: Neighbour | None
    ) -> tuple[Link, Link | None] | None:
        """Find out who is there; the link to keep and the one it replaces, or None if it was closed."""
        link = opened = None
        try:
            stream, key = await secure(transport, self._credentials, server=expected is None)
            peer, dialled = self._member(key), expected is not None
            guest = key not in self._by_key
            unfinished = None if guest else self._unfinished.setdefault(peer.number, Unfinished())
            session = Session(self._own, key, dialled=dialled, unfinished=unfinished)
            link = Link(
                stream,
                session,
                peer,
                self.spoken,
                self.heard,
                self._on_leaving,
                self._encoder,
                dialled=dialled,
            )
            link.guest = guest
            wanted = await (self._greet(link, expected) if expected else self._admit(link))
            self._check_still(link)
            if wanted:
                opened = link, self._keep(link)
            else:
                await link.part(rejection(DUPLICATE, "No other link is needed."))
        except RemoteProtocolError as error:
            if error.reason != DUPLICATE:
                self._refuse(link, where, error)
            if link:
                await link.part(rejection(error.reason, str(error)))
        except LinkError:
            pass  # it is dialled again
        finally:
            if opened is None:
                await trio.aclose_forcefully(transport)
        return opened

    def _member(self, key: bytes) -> Neighbour:
        """Whose `key` it is. Raises `RemoteProtocolError` if it was struck off the list meanwhile."""
        if (peer := self._listed(key)) is None:
            raise RemoteProtocolError("delisted", "It is a member no more.")
        return peer

    def _check_still(self, link: Link) -> None:
        self._member(link.peer.key)
        if not link.guest and link.peer.key not in self._by_key:
            raise RemoteProtocolError("delisted", "It is a neighbour no more.")

    def _keep(self, link: Link) -> Link | None:
        """From now on `link` is the neighbour's; returns the one that it replaces, if any."""
        replaced = self._links.get(link.peer.number)
        if replaced is not None:
            replaced.end(Ending("replaced"))
        guests = [other for other in self._open_links if other.guest and not other.dialled]
        if link.guest and not link.dialled and len(guests) >= GUESTS_MAX:
            guests[0].end(Ending("crowded", farewell=rejection("crowded", "Another guest took its place.")))
        self._links[link.peer.number] = link
        self._open_links[link] = None
        return replaced

    async def _live(self, link: Link, replaced: Link | None) -> None:
        """A link's connected life, from `_keep` to its close."""
        try:
            if replaced is not None:
                await replaced.ended.wait()
            ending = await self._converse(link)
            if ending.refusal:
                error = RemoteProtocolError(ending.reason, ending.detail)
                self._refuse(link, str(link.peer.address), error)
                if not link.guest:
                    await self._events.send(Offended(link.peer.number, ending.reason))
            await link.part(ending.farewell)
        finally:
            del self._open_links[link]
            await link.close()

    async def _converse(self, link: Link) -> Ending:
        number = link.peer.number
        try:
            if not await link.confirm():
                return Ending("broken")
            if link.guest:
                return await self._host(link)
            if number in self._unsaid and self._unsaid[number][0] == link.epoch:
                link.send(self._unsaid.pop(number)[1])
            self._forget(number)
            await self._events.send(Joined(number))
            if self._assembly:
                self._assembly.joined(number)
            ending = await link.run(self._deliver, self._suspect)
            if self._assembly:
                self._assembly.left(number)
            await self._events.send(Left(number))
            return ending
        finally:
            if self._links.get(number) is link:
                del self._links[number]
            link.abandon()
            if link.unsaid is not None:
                self._unsaid[number] = link.epoch, link.unsaid
                if not self._say_again:
                    self._forget(number)

    async def _host(self, link: Link) -> Ending:
        """Converse of the members alone."""
        if self._assembly:
            self._assembly.met(link.peer, dialled=link.dialled)
        ending = await link.run(self._deliver, _nobody_minds)
        if self._assembly:
            self._assembly.left(link.peer.number)
        return ending

    async def _deliver(self, number: PeerId, message: Message) -> None:
        if not isinstance(message, Membership):
            await self._events.send(Received(number, message))
        elif self._assembly:
            self._assembly.heard(number, message)

    async def _suspect(self, number: PeerId, suspected: bool) -> None:
        await self._events.send(Suspected(number) if suspected else Trusted(number))

    def _refuse(self, link: Link | None, where: str, error: RemoteProtocolError) -> None:
        self.refused[error.reason] += 1
        number = link.peer.number if link and not link.guest else None
        who = f"{link.peer.name} ({where})" if link else where
        self._on_refusal(Refusal(number, who, error.reason, str(error)))


async def _nobody_minds(_: PeerId, __: bool) -> None:
    """A guest may be silent."""
