"""A shuttle on the loopback: it carries bytes between two processes, late, spoilt, or not at all.

Rules:
- Each peer that dials another over it has a port of its own there, so that the shuttle knows who dials whom.
- It cannot read what it carries, which is under TLS.
- A cut closes nothing: bytes on their way wait, as TCP would repeat them for ever, and so does the news that
  one end has closed. Whoever dials over a cut meets nobody.
- What waits is bounded: who sends more waits too. Nothing is left when the shuttle ends.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import trio

from gossipfl.cli.road import Road, Weather
from gossipfl.errors import RunError
from gossipfl.protocol.messages import PeerId

HOST = "127.0.0.1"
PIECE_BYTES = 64 * 1024
PIECES_MAX = 64
"""On their way in each direction of a connection: 4 MiB at most."""

FILES_PER_LANE = 6
"""A port that is listened on, and the two ends of up to two connections, one of which is about to close."""

START_S = 10.0

Pair = tuple[PeerId, PeerId]
_BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class Lane:
    """The port on which one peer dials another, and the port on which that one listens."""

    port: int
    onward: int


@dataclass(slots=True)
class _Way:
    """A road that may be cut, and who waits for its end."""

    road: Road
    opened: trio.Event = field(default_factory=trio.Event)

    async def open(self) -> None:
        await self.opened.wait()

    def cut(self, *, cut: bool) -> None:
        if cut and self.opened.is_set():
            self.opened = trio.Event()
        elif not cut:
            self.opened.set()


class Shuttle:
    """Carries what the peers of `lanes` (dialler, dialled) say to each other, in the `weather`."""

    def __init__(self, lanes: Mapping[Pair, Lane], weather: Weather) -> None:
        self._lanes = dict(lanes)
        pairs = {pair for a, b in lanes for pair in ((a, b), (b, a))}
        self._roads = {pair: Road(*pair, weather) for pair in sorted(pairs)}
        self._ways: dict[Pair, _Way] = {}
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """It runs within the block, in a thread. Raises `RunError` if it cannot listen on a port."""
        if not self._lanes:
            yield
            return
        _allow_files(256 + FILES_PER_LANE * len(self._lanes))
        thread = threading.Thread(target=self._run, name="shuttle", daemon=True)
        thread.start()
        try:
            if not self._ready.wait(START_S) or self._failure is not None:
                raise RunError(f"A port for the links was taken meanwhile ({self._failure}): run it again.")
            yield
        finally:
            self._call(self._scope.cancel)
            thread.join(START_S)

    def cut(self, pairs: Iterable[Pair]) -> None:
        """From now on nothing passes from the first of each of the `pairs` to the second; all else does."""
        cut = set(pairs)
        self._call(lambda: self._settle(cut))

    def _settle(self, cut: set[Pair]) -> None:
        for pair, way in self._ways.items():
            way.cut(cut=pair in cut)

    def check(self) -> None:
        """Raise `RunError` if it carries nothing any more."""
        if self._failure is not None:
            raise RunError(f"The links between the processes failed: {self._failure!r}.")

    def _call(self, what: Callable[[], None]) -> None:
        """Have the thread call `what`; if it has ended, there is nothing to do."""
        if self._token is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(what)

    # In the thread

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # the other thread tells of it
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ways = {pair: _Way(road) for pair, road in self._roads.items()}
        self._settle(set())
        listeners = [await trio.open_tcp_listeners(lane.port, host=HOST) for lane in self._lanes.values()]
        with self._scope:
            async with trio.open_nursery() as nursery:
                for pair, [listener] in zip(self._lanes, listeners, strict=True):
                    nursery.start_soon(self._listen, listener, pair)
                self._ready.set()

    async def _listen(self, listener: trio.SocketListener, pair: Pair) -> None:
        there, back = self._ways[pair], self._ways[pair[::-1]]

        async def welcome(near: trio.SocketStream) -> None:
            if there.opened.is_set() and back.opened.is_set():
                with contextlib.suppress(*_BROKEN):
                    far = await trio.open_tcp_stream(HOST, self._lanes[pair].onward)
                    await _carry(near, far, there, back)

        await trio.serve_listeners(welcome, [listener])


def _allow_files(count: int) -> None:
    """Let this process have so many files open, if the system lets it."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _carry(near: trio.SocketStream, far: trio.SocketStream, there: _Way, back: _Way) -> None:
    """Carry bytes both ways until both ends have closed, or one is known to the other to be broken."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_carry_one_way, near, far, there, back, nursery.cancel_scope)
            nursery.start_soon(_carry_one_way, far, near, back, there, nursery.cancel_scope)
    finally:
        await trio.aclose_forcefully(far)


async def _carry_one_way(
    source: trio.SocketStream, to: trio.SocketStream, way: _Way, back: _Way, both: trio.CancelScope
) -> None:
    put, taken = trio.open_memory_channel[tuple[float, bytes]](PIECES_MAX)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read, source, way, put)
        async for at, data in taken:
            await trio.sleep_until(at)
            await way.open()
            try:
                await (to.send_all(data) if data else to.send_eof())
            except _BROKEN:  # the other end is gone: once the news of it passes, this end is told
                await back.open()
                both.cancel()


async def _read(
    source: trio.SocketStream, way: _Way, put: trio.MemorySendChannel[tuple[float, bytes]]
) -> None:
    """Take what `source` says until it closes, which is passed on as b""."""
    async with put:
        data = b"-"
        while data:
            try:
                data = bytes(await source.receive_some(PIECE_BYTES))
            except _BROKEN:
                data = b""
            now = trio.current_time()
            at = way.road.arrival(len(data), now) if data else max(now, way.road.last_at)
            await put.send((at, way.road.carried(data)))
