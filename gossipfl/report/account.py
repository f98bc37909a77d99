"""What an audit log tells: whether its chain is whole, what was sent to whom, and who was refused for what.

Rules:
- The log is read as a stream, and may be hostile: each text is bounded and printable, each table has a limit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from gossipfl.errors import DataError
from gossipfl.node.chain import START, Head, Line, follow
from gossipfl.protocol.identity import fingerprint

TEXT_MAX = 256
NAMES_MAX = 10_000
"""Names, addresses, reasons and keys told apart in each table; the rest is told as one."""

_OTHERS = "others"
_FIGURE_MAX = 1 << 63


@dataclass(slots=True)
class Sent:
    """The updates to one peer."""

    updates: int = 0
    bytes: int = 0
    cut_off: int = 0
    first: str = ""
    last: str = ""
    rounds: tuple[int, int] = (0, 0)

    def add(self, facts: dict[str, Any]) -> None:
        """One more was sent."""
        self.updates += 1
        self.bytes += _figure(facts, "bytes")
        self.last = _text(facts, "time")
        self.first = self.first or self.last
        round_ = _figure(facts, "round")
        low, high = self.rounds if self.updates > 1 else (round_, round_)
        self.rounds = min(low, round_), max(high, round_)


@dataclass
class Account:
    """An audit log, up to its end or its first broken line; names of peers stand with their fingerprints."""

    broken: str = ""
    head: Head = START
    first: str = ""
    last: str = ""
    signed_to: int = 0
    signers: list[str] = field(default_factory=list)  # fingerprints, in the order in which they signed first
    starts: int = 0
    stops: int = 0
    sent: defaultdict[str, Sent] = field(default_factory=lambda: defaultdict(Sent))
    refused: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    quarantined: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    torn_bytes: int = 0

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        told = {"whole": not self.broken, "lines": self.head.seq, "hash": self.head.hash, **vars(self)}
        del told["head"]
        return told | {"sent": {peer: asdict(sent) for peer, sent in self.sent.items()}}


def account(file: BinaryIO, key: bytes | None = None, noted: str = "") -> Account:
    """Read the audit log `file`; it is broken too if a start was not signed by `key`, or no line has the hash
    `noted`, where these are given."""
    told, life = Account(), _Life(key)
    met = not noted
    try:
        for line in follow(file):
            life.check(line)
            told.head = line.head
            met = met or line.head.hash == noted
            _count(told, line, life)
        if told.head == START:
            raise DataError("there is none")
    except DataError as error:
        told.broken = f"line {told.head.seq + 1}: {error}"
    if not told.broken and not met:
        told.broken = f"line {told.head.seq + 1}: no line has the hash that was noted, so the end was cut off"
    return told


class _Life:
    """Who signs now: the key that the last start named, which must be `expected` if that is given."""

    def __init__(self, expected: bytes | None) -> None:
        self._expected = expected
        self.key: bytes | None = None

    def check(self, line: Line) -> None:
        """Raise `DataError` if a signature is wrong, or absent where there must be one."""
        what = line.facts.get("what")
        if what == "started":
            self.key = _key(line.facts)
            if self._expected not in (None, self.key):
                raise DataError("it was signed by another key than the one that was given")
        if what in ("started", "stopped") and (self.key is None or not line.signed_by(self.key)):
            raise DataError("it is not signed by the key of its node")


def _key(facts: dict[str, Any]) -> bytes | None:
    text = facts.get("key")
    try:
        key = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return key if len(key) == 32 else None


def _count(told: Account, line: Line, life: _Life) -> None:
    facts = line.facts
    told.last = _text(facts, "time")
    told.first = told.first or told.last
    match facts.get("what"):
        case "started":
            told.starts += 1
            _signed(told, line, life)
        case "stopped":
            told.stops += 1
            _signed(told, line, life)
        case "sent":
            told.sent[_place(told.sent, _peer(facts))].add(facts)
        case "cut-off":
            told.sent[_place(told.sent, _peer(facts))].cut_off += 1
        case "refused":
            reasons = told.refused[_place(told.refused, _text(facts, "source"))]
            reasons[_place(reasons, _text(facts, "reason"))] += _figure(facts, "times")
        case "quarantined":
            told.quarantined[_place(told.quarantined, _text(facts, "who"))] += 1
        case "lost":
            told.lost += _figure(facts, "entries")
        case "mended":
            told.torn_bytes += _figure(facts, "bytes")


def _signed(told: Account, line: Line, life: _Life) -> None:
    told.signed_to = line.head.seq
    signer = fingerprint(life.key or b"")
    if signer not in told.signers and len(told.signers) < NAMES_MAX:
        told.signers.append(signer)


def _peer(facts: dict[str, Any]) -> str:
    return f"{_text(facts, 'to')} ({_text(facts, 'fingerprint')})"


def _place(table: dict[str, Any], name: str) -> str:
    return name if name in table or len(table) < NAMES_MAX else _OTHERS


def _text(facts: dict[str, Any], name: str) -> str:
    text = facts.get(name)
    if not isinstance(text, str):
        return "?"
    return "".join(letter if letter.isprintable() else "?" for letter in text[:TEXT_MAX])


def _figure(facts: dict[str, Any], name: str) -> int:
    figure = facts.get(name)
    return figure if type(figure) is int and 0 <= figure < _FIGURE_MAX else 0
