"""What passes between one peer and each neighbour, for algorithms whose words build on earlier ones.

Rules:
- A link that keeps accounts tells sums, relays or flows: whatever is lost comes with the next update.
- Where a neighbour's words are void once it is gone, what was counted of them is taken back, and what still
  comes of them is not counted, until it is there again.
- A link of codes holds what they come to; a gap is told to the sender, whose next update is then whole.
- Whoever has nothing to build on, such as a newcomer, says so in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import DataError
from gossipfl.learn.contracts import Accounting, Algorithm, Array, Compressed, Link, Payload
from gossipfl.protocol.admission import check_values
from gossipfl.protocol.layout import Layout, layout_of
from gossipfl.protocol.memory import LinkMemory
from gossipfl.protocol.messages import PeerId, Update


class Taken(NamedTuple):
    """What is taken in of one neighbour, as `Heard` has it of all."""

    payload: Payload
    said: Payload = ()


class Correspondence(Protocol):
    """All links of one peer."""

    @property
    def layouts(self) -> tuple[Layout, Layout]:
        """Of an update, and of one that is whole."""

    @property
    def settles(self) -> bool:
        """Whether both ends of a link must use what passes in the same rounds, or settle it now and then."""

    def tell(self, peer: PeerId, spoken: Payload, state: Any) -> tuple[Payload, bool]:
        """The payload for `peer` where `spoken` is said in `state`, and whether it is whole."""

    def skip(self, peers: Iterable[PeerId]) -> None:
        """Something was said that these were not told."""

    def take(self, peer: PeerId, updates: Sequence[Update], state: Any, late: bool) -> Taken | None:
        """What `peer` said by `updates`, in their order; None if it must say it whole.

        `late`: the peer itself came when the run was under way. Raises `RemoteProtocolError`.
        """

    def missed(self, peer: PeerId) -> None:
        """`peer` cannot follow: its next update must be whole."""

    def rejoined(self, peer: PeerId) -> None:
        """`peer` is there again, and may have lost what it held, or a part of what was sent."""

    def left(self, peer: PeerId) -> Taken | None:
        """`peer` is gone before its time: what takes back what it said, if that must be."""

    @property
    def memory(self) -> tuple[LinkMemory, ...]:
        """What must outlive the process, of each link."""

    def resume(self, links: Iterable[LinkMemory]) -> None:
        """Remember these, as if all links were up. Raises `DataError` for what no memory of ours is."""


def corresponding(algorithm: Algorithm[Any], vector: Array) -> Correspondence:
    """The links of a peer that runs `algorithm` from `vector`."""
    state = algorithm.start(vector)
    spoken, _ = algorithm.speak(state, np.asarray(1.0), Draws(0))
    if isinstance(algorithm, Compressed):
        return _Codes(algorithm, algorithm.whole(state), layout_of(spoken))
    if isinstance(algorithm, Accounting):
        return _Accounts(algorithm.link, spoken)
    return _Plain(layout_of(spoken))


class _Plain:
    """Each update stands alone."""

    settles = False

    def __init__(self, layout: Layout) -> None:
        self.layouts = layout, layout

    def tell(self, peer: PeerId, spoken: Payload, state: Any) -> tuple[Payload, bool]:
        return spoken, False

    def skip(self, peers: Iterable[PeerId]) -> None:
        """Nothing is missed by that."""

    def take(self, peer: PeerId, updates: Sequence[Update], state: Any, late: bool) -> Taken | None:
        return Taken(updates[-1].payload)

    def missed(self, peer: PeerId) -> None:
        """All updates are whole."""

    def rejoined(self, peer: PeerId) -> None:
        """All updates are whole."""

    def left(self, peer: PeerId) -> Taken | None:
        return None

    memory: tuple[LinkMemory, ...] = ()

    def resume(self, links: Iterable[LinkMemory]) -> None:
        """All updates are whole."""


_ACCOUNT_PAYLOADS = 5


@dataclass(slots=True)
class _Account:
    """One link; what is `counted` was heard, or told, when the neighbour was last listened to."""

    told: Payload
    past: Payload  # told before the neighbour was last gone: a new life of it will not hear that
    told_counted: Payload
    held: Payload
    counted: Payload
    epoch: int | None = None  # of the neighbour's life that is held
    owed: bool = False
    void: bool = False  # the neighbour is gone, and with it what it said last


class _Accounts:
    """Links whose every update makes good for those before it that were lost."""

    settles = False

    def __init__(self, link: Link, spoken: Payload) -> None:
        zeros = tuple(np.zeros_like(part) for part in spoken)
        self._zeros = tuple(np.zeros_like(part) for part in link.tell(spoken, zeros, zeros))
        self.layouts = (layout_of(self._zeros),) * 2
        self._link = link
        self._accounts: dict[PeerId, _Account] = {}

    def tell(self, peer: PeerId, spoken: Payload, state: Any) -> tuple[Payload, bool]:
        account = self._of(peer)
        whole, account.owed = account.owed, False
        if whole and not self._link.takes_back:
            account.told, account.told_counted = self._link.heard(account.told, account.past), self._zeros
            account.past = self._zeros
        account.told = self._link.tell(spoken, account.told, account.held)
        return account.told, whole

    def skip(self, peers: Iterable[PeerId]) -> None:
        """Only what is told is counted."""

    def take(self, peer: PeerId, updates: Sequence[Update], state: Any, late: bool) -> Taken | None:
        account, follows = self._of(peer), False
        if account.void:
            return None
        for update in updates:
            anew = update.whole or update.sequence == 1 or account.epoch not in (None, update.epoch)
            if late and account.epoch is None and not anew:
                continue
            if anew and not self._link.takes_back:
                account.counted = self._zeros
            follows, account.epoch, account.held = True, update.epoch, update.payload
        return self._counted(account) if follows else None

    def missed(self, peer: PeerId) -> None:
        self._of(peer).owed = True

    def rejoined(self, peer: PeerId) -> None:
        """What was lost comes with the next sum; whoever lost its accounts will say so."""
        self._of(peer).void = False

    def left(self, peer: PeerId) -> Taken | None:
        if peer not in self._accounts:
            return None
        account = self._of(peer)
        if not self._link.takes_back:
            account.past = account.told
            return None
        account.held = account.told = self._zeros
        account.void = True
        counted = account.counted is not self._zeros or account.told_counted is not self._zeros
        return self._counted(account) if counted else None

    @property
    def memory(self) -> tuple[LinkMemory, ...]:
        return tuple(
            LinkMemory(peer, () if one.epoch is None else (one.epoch,), _payloads(one))
            for peer, one in self._accounts.items()
        )

    def resume(self, links: Iterable[LinkMemory]) -> None:
        for peer, numbers, payloads in links:
            if len(numbers) > 1 or len(payloads) != _ACCOUNT_PAYLOADS:
                raise DataError("what it remembers of a link is no account")
            told, past, told_counted, held, counted = payloads
            self._accounts[peer] = _Account(
                told, past, told_counted, held, counted, numbers[0] if numbers else None
            )

    def _counted(self, account: _Account) -> Taken:
        """What is new on both sides, which is then counted."""
        heard = self._link.heard(account.held, account.counted)
        said = self._link.heard(account.told, account.told_counted)
        account.counted, account.told_counted = account.held, account.told
        return Taken(heard, said)

    def _of(self, peer: PeerId) -> _Account:
        zeros = self._zeros
        return self._accounts.setdefault(peer, _Account(zeros, zeros, zeros, zeros, zeros))


def _payloads(account: _Account) -> tuple[Payload, ...]:
    return account.told, account.past, account.told_counted, account.held, account.counted


class _Codes:
    """Links of codes, each of which changes what is held of its sender."""

    def __init__(self, algorithm: Compressed[Any], first: Payload, layout: Layout) -> None:
        self.layouts = layout, layout_of(first)
        self.settles = algorithm.settles
        self._algorithm = algorithm
        self._first = first
        self._held: dict[PeerId, Payload] = {}
        self._next: dict[PeerId, tuple[int, int]] = {}  # epoch and sequence of the code that builds on it
        self._listened: dict[PeerId, Payload] = {}  # what was held when it was last listened to
        self._owed: set[PeerId] = set()

    def tell(self, peer: PeerId, spoken: Payload, state: Any) -> tuple[Payload, bool]:
        if peer not in self._owed:
            return spoken, False
        self._owed.discard(peer)
        return self._algorithm.whole(state, self._held.get(peer, self._first)), True

    def skip(self, peers: Iterable[PeerId]) -> None:
        self._owed.update(peers)

    def take(self, peer: PeerId, updates: Sequence[Update], state: Any, late: bool) -> Taken | None:
        follows = False
        for update in updates:
            expected = self._next.get(peer, (update.epoch, 1))
            follows = update.whole or (update.epoch, update.sequence) == expected
            if follows:
                hear = self._algorithm.hear_whole if update.whole else self._algorithm.hear
                held = self._held.get(peer, self._first)
                self._held[peer] = _of_one(hear, state, held, update.payload)
                self._next[peer] = update.epoch, update.sequence + 1
        if follows:
            return self._taken(peer)
        if self.settles:
            self._owed.add(peer)
        return None

    def missed(self, peer: PeerId) -> None:
        self._owed.add(peer)

    def rejoined(self, peer: PeerId) -> None:
        self._owed.add(peer)

    def left(self, peer: PeerId) -> Taken | None:
        if peer not in self._listened:
            return None
        del self._held[peer], self._next[peer]  # what still waits of it cannot be understood any more
        return Taken(self._first, self._listened.pop(peer))

    @property
    def memory(self) -> tuple[LinkMemory, ...]:
        return tuple(
            LinkMemory(
                peer, self._next[peer], (held, *([self._listened[peer]] if peer in self._listened else []))
            )
            for peer, held in self._held.items()
        )

    def resume(self, links: Iterable[LinkMemory]) -> None:
        for peer, numbers, payloads in links:
            if len(numbers) != 2 or not 1 <= len(payloads) <= 2:
                raise DataError("what it remembers of a link is no code")
            self._held[peer], self._next[peer] = payloads[0], (numbers[0], numbers[1])
            if len(payloads) > 1:
                self._listened[peer] = payloads[1]

    def _taken(self, peer: PeerId) -> Taken:
        now = self._held[peer]
        if not self.settles:
            return Taken(now)
        before, self._listened[peer] = self._listened.get(peer, self._first), now
        return Taken(now, before)


def _of_one(
    hear: Callable[[Any, Payload, Payload], Payload], state: Any, held: Payload, words: Payload
) -> Payload:
    """What is held of one neighbour, which is a crowd of one. Raises `RemoteProtocolError`."""
    with np.errstate(over="ignore", invalid="ignore"):
        crowd = hear(state, tuple(part[None] for part in held), tuple(part[None] for part in words))
    for part in crowd:
        check_values(part)
    return tuple(part[0] for part in crowd)
