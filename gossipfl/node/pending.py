"""What one neighbour is still to be told of the members, one word after the other.

Rules:
- Lists come before moves, which mean nothing to whoever has not the list yet.
- Of what is said again and again the last counts, so a queue is no longer than there are members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gossipfl.protocol.messages import ListHead, ListMove, Membership
from gossipfl.protocol.moves import Move, encode_move

PENDING_MAX = 64
"""Words on lists that wait; then the oldest are lost, and told again one day."""


class Pending:
    """What waits for one neighbour, to which a link is there."""

    def __init__(self) -> None:
        self._words: dict[Membership, None] = {}
        self._moved: dict[bytes, None] = {}  # the keys of the members whose moves it is told
        self._theirs: ListHead | None = None

    def put(self, messages: Iterable[Membership]) -> None:
        """Tell it these, too."""
        for message in messages:
            if isinstance(message, ListHead):  # the last one counts, and follows what it is about
                self._words = {word: None for word in self._words if not isinstance(word, ListHead)}
            self._words[message] = None
            if len(self._words) > PENDING_MAX:
                del self._words[next(iter(self._words))]

    def move(self, keys: Iterable[bytes]) -> None:
        """Tell it the moves of these members, too."""
        self._moved |= dict.fromkeys(keys)

    def heard(self, theirs: ListHead, keys: Iterable[bytes]) -> None:
        """It holds the list `theirs`: under another one it may have thrown away the moves of `keys`."""
        if theirs != self._theirs:
            self._theirs = theirs
            self.move(keys)

    def next(self, moves: Mapping[bytes, Move]) -> Membership | None:
        """The word that is due, if any, where these `moves` hold."""
        if self._words:
            word = next(iter(self._words))
            del self._words[word]
            return word
        while self._moved:
            key = next(iter(self._moved))
            del self._moved[key]
            if key in moves:
                return ListMove(encode_move(moves[key]))
        return None
