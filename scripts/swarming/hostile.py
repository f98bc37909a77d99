"""What attackers say in the place of what they should, until all is healed.

Rules:
- An attacker runs the ordinary peer; what it would say is altered on its way, and is signed as it is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gossipfl.learn.contracts import Payload
from gossipfl.protocol.events import Effect, Send
from gossipfl.protocol.messages import Begun, Message, PeerId, Proof, Shown, Statement, Update, Witness
from gossipfl.protocol.notary import SAID_BYTES, author_of, claim_of, number_of
from swarming.book import Book

FLOOD = 12
"""Updates said at once by one that floods."""


class Hostile:
    """The attacker `number`, in one of its lives, that attacks by `kind`; `plain` words are numbered."""

    def __init__(
        self,
        kind: str,
        number: PeerId,
        life: int,
        rounds: int,
        book: Book,
        counts: Counter[str],
        *,
        plain: bool,
    ) -> None:
        self._kind = kind
        self._number = number
        self._life = life
        self._rounds = rounds
        self._book = book
        self._counts = counts
        self._plain = plain
        self._past: dict[PeerId, list[Update]] = {}
        self._first: Payload | None = None

    def altered(self, effects: list[Effect]) -> list[Effect]:
        """What it does in the place of `effects`."""
        return [other for effect in effects for other in self._instead(effect)]

    def _instead(self, effect: Effect) -> Iterator[Effect]:
        if not isinstance(effect, Send):
            yield effect
        elif isinstance(effect.message, Update):
            self._counts[f"attack: {self._kind}"] += 1
            for update in self._words(effect.to, effect.message):
                yield Send(effect.to, update)
            if self._kind == "slander":
                yield from (Send(effect.to, lie) for lie in self._lies(effect.to, effect.message))
        elif isinstance(effect.message, Begun) and self._kind == "far-ahead":
            yield Send(effect.to, Begun(self._rounds))
        else:
            yield effect

    def _words(self, to: PeerId, update: Update) -> list[Update]:
        match self._kind:
            case "nan":
                return [self._changed(update, lambda part: np.full_like(part, np.nan))]
            case "huge":
                with np.errstate(over="ignore"):  # in half precision it is infinite
                    return [self._changed(update, lambda part: np.full_like(part, 1e16))]
            case "shape":
                return [replace(update, payload=tuple(np.append(part, 1) for part in update.payload))]
            case "sign-flip":
                return [self._changed(update, lambda part: -2 * part)]
            case "equivocate":
                return [self._changed(update, lambda part: part + 1 + to)]
            case "far-ahead":
                return [replace(update, round=self._rounds)]
            case "reborn":
                return [replace(update, epoch=update.epoch + 1_000)]
            case "slander":
                return [update]
            case "replay":
                past = self._past.setdefault(to, [])
                past.append(update)
                return [*past[-4:-1], update, update]
            case "flood":
                last = min(self._rounds, update.round + FLOOD)
                more = [self._changed(update, lambda part: part) for _ in range(update.round, last)]
                return [replace(u, round=u.round + i, sequence=u.sequence + i) for i, u in enumerate(more)]
            case "stale":
                self._first = self._first or update.payload
                return [self._changed(replace(update, payload=self._first), lambda part: part)]
        raise AssertionError(self._kind)

    def _lies(self, to: PeerId, update: Update) -> list[Message]:
        """What makes somebody else look like a liar: `to` itself, or the next peer."""
        about, digest = author_of(to + update.round % 2), bytes([to % 256]) * SAID_BYTES
        one = Statement(about, 0, update.round, digest, digest)
        other = one._replace(said=bytes(SAID_BYTES))
        return [Witness(claim_of(number_of(about), update.round, digest)), Shown(one), Proof(one, other)]

    def _changed(self, update: Update, change: Callable[[np.ndarray], np.ndarray]) -> Update:
        """`update` with all numbers that are no codes changed, and numbered anew."""
        words = update.payload[:-1] if self._plain else update.payload
        said = tuple(change(part) if part.dtype.kind == "f" else part for part in words)
        if self._plain:
            number = self._book.write(self._number, self._life, update.round, said[0])
            said = (*said, np.array([float(number)]))
        return replace(update, payload=said)
