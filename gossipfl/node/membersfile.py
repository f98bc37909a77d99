"""The folder in which a node keeps the list of members, and into which commands drop what it is to take up.

    list       the changes that hold, what is proposed, where members are now, and the founding that the
               operator wants
    dropped/   what commands leave for the node, be it running or not

Rules:
- Commands write nothing but new files in `dropped`; the node alone writes the list, and takes those away.
- What was left is taken up in the order of its lists, lest a change come before the one that it follows.
- A file is nobody's word: all that is read is verified anew by whoever uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gossipfl.errors import RemoteProtocolError, SettingsError
from gossipfl.node.durable import unwritable, write_durably
from gossipfl.protocol.council import Answer, Council
from gossipfl.protocol.membership import KEY_BYTES, SignedChange, decode_change, encode_change
from gossipfl.protocol.moves import decode_move, encode_move

MEMBERS = "members"
DROPPED_MAX = 64
"""Files taken up at once."""

_LINE_BYTES_MAX = 8_300  # a frame in hex, and a word before it


class Dropped(NamedTuple):
    """What a command left: a change to propose or sign, or the digest of the founding to accept."""

    change: SignedChange | None
    accepted: bytes = b""

    def given_to(self, council: Council) -> Answer:
        """Let `council` take it. Raises `RemoteProtocolError`."""
        return council.take(self.change) if self.change else council.accept(self.accepted)


class MembersFolder:
    """The folder `members` in the state folder of a node."""

    def __init__(self, state: Path) -> None:
        self._list = state / MEMBERS / "list"
        self._drops = state / MEMBERS / "dropped"

    def recall(self, council: Council) -> None:
        """Have `council` go on from what is kept. Raises `SettingsError` if that does not hold."""
        try:
            lines = self._list.read_text("ascii").splitlines()
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            raise self._spoilt() from None
        try:
            said = [(kind, bytes.fromhex(words)) for kind, words in (line.split(" ") for line in lines)]
            changes = {
                kind: [decode_change(words) for other, words in said if other == kind] for kind in _KINDS
            }
            moves = [decode_move(words) for kind, words in said if kind == "moved"]
            accepted = next(words for kind, words in said if kind == "accepted")
            council.resume(changes["list"], changes["proposed"], moves, accepted)
        except (ValueError, StopIteration, RemoteProtocolError):
            raise self._spoilt() from None

    def keep(self, lines: Iterable[str]) -> None:
        """Put the `lines_of` a council in the place of the list. Raises `OSError`."""
        self._list.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self._list, [f"{line}\n".encode("ascii") for line in lines])

    def drop(self, dropped: Dropped) -> None:
        """Leave something for the node. Raises `SettingsError`."""
        change = dropped.change
        words = f"proposed {encode_change(change).hex()}" if change else f"accepted {dropped.accepted.hex()}"
        serial, made_at_s = (change.change.serial, change.change.made_at_s) if change else (0, 0)
        digest = change.change.digest if change else dropped.accepted
        name = f"{serial:010}-{made_at_s:019}-{digest.hex()}"  # in this order they are taken up
        try:
            self._drops.mkdir(parents=True, exist_ok=True)
            write_durably(self._drops / name, [words.encode("ascii")])
        except OSError as error:
            raise unwritable(self._drops, error) from None

    def dropped(self) -> list[tuple[Path, Dropped | None]]:
        """What was left, in order, with where it lies; None for what is nothing of ours."""
        try:
            files = sorted(path for path in self._drops.iterdir() if path.suffix != ".part")[:DROPPED_MAX]
        except OSError:
            return []
        return [(path, _read(path)) for path in files]

    def _spoilt(self) -> SettingsError:
        return SettingsError(
            f"The list of members {self._list} is spoilt: put back a copy of it, or delete it and accept the "
            "list anew with `gossipfl peer sign`, once a neighbour has told it."
        )


_KINDS = ("list", "proposed")


def lines_of(council: Council) -> list[str]:
    """All that must outlive the process."""
    proposed = [*council.proposals.values(), *council.offers.values()]
    return [
        f"accepted {council.accepted.hex()}",
        *(f"list {encode_change(signed).hex()}" for signed in council.chain),
        *(f"proposed {encode_change(signed).hex()}" for signed in proposed),
        *(f"moved {encode_move(move).hex()}" for move in council.moves.known.values()),
    ]


def _read(path: Path) -> Dropped | None:
    try:
        with path.open("rb") as file:
            kind, words = file.read(_LINE_BYTES_MAX).decode("ascii").split(" ")
        said = bytes.fromhex(words)
        if kind == "accepted" and len(said) == KEY_BYTES:
            return Dropped(None, said)
        return Dropped(decode_change(said)) if kind == "proposed" else None
    except (OSError, ValueError, RemoteProtocolError):
        return None
