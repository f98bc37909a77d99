"""How a node's vitals look: as lines of text, and as a table for a terminal.

Rules:
- What peers said of themselves is shown as it is, without colours or control characters.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {
    "here": "green",
    "late": "yellow",
    "suspected": "magenta",
    "not here yet": "yellow",
    "gone": "red",
    "shut out": "red",
}


def lines(vitals: Mapping[str, Any]) -> Iterator[str]:
    """The vitals that a node shows at /status, as lines of text."""
    yield from _head(vitals)
    for seen in vitals["neighbours"]:
        yield f"  {seen['name']}: {_presence(seen)}{_lag(seen)}"
    for refusal in vitals["refusals"]:
        yield f"  {_refusal(refusal)}"


def draw(vitals: Mapping[str, Any]) -> RenderableType:
    """The same for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("Neighbour", "Presence", "Round", "Behind"):
        table.add_column(heading, justify="right" if heading in ("Round", "Behind") else "left")
    for seen in vitals["neighbours"]:
        presence, behind = _presence(seen), "" if seen["lag"] is None else str(seen["lag"])
        round = "" if seen["round"] is None else str(seen["round"])
        table.add_row(Text(seen["name"]), Text(presence, _COLOURS.get(presence, "")), round, behind)
    first, *head = _head(vitals)
    refusals = [Text(_refusal(refusal), "yellow") for refusal in vitals["refusals"]]
    return Group(Text(first, "red" if vitals["trouble"] else "green"), *map(Text, head), table, *refusals)


def _head(vitals: Mapping[str, Any]) -> Iterator[str]:
    how = vitals["trouble"] or "healthy"
    yield f"{vitals['name']}: {how}"
    age = f"{vitals['age_s']:.0f} s"
    closed = (
        f"closed {age} ago" if vitals["round_s"] is not None else f"none closed since the start {age} ago"
    )
    took = "" if vitals["round_s"] is None else f" after {vitals['round_s']:.2f} s"
    yield (
        f"round {vitals['round']} of {vitals['rounds']}: {closed}{took}; "
        f"stuck if {vitals['limit_s']:.0f} s pass without one"
    )
    scores = ", ".join(f"{name} {value:.3f}" for name, value in vitals["scores"].items() if value is not None)
    if scores:
        yield f"own {scores}"
    updates, traffic = vitals["updates"], vitals["traffic"]
    yield "updates: " + ", ".join(f"{updates.get(name, 0)} {name}" for name in ("heard", "missing", "stale"))
    from gossipfl.report.words import size

    yield (
        f"said {traffic['messages_sent']} updates in {size(traffic['bytes_sent'])}, "
        f"heard {traffic['messages_received']} in {size(traffic['bytes_received'])}"
    )
    if vitals["refused"]:
        yield "refused: " + ", ".join(f"{count} {reason}" for reason, count in vitals["refused"].items())


def _presence(seen: Mapping[str, Any]) -> str:
    if seen["shut_out"]:
        return "shut out"
    never = seen["presence"] == "gone" and seen["round"] is None
    return "not here yet" if never else str(seen["presence"])


def _lag(seen: Mapping[str, Any]) -> str:
    if seen["lag"] is None:
        return ""
    return f", in round {seen['round']}" + (f", {seen['lag']} behind" if seen["lag"] else "")


def _refusal(refusal: Mapping[str, Any]) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(refusal["unix_s"]))
    words = f"{when} refused {refusal['who']}: {refusal['reason']} {refusal['detail']}".rstrip()
    return "".join(letter if letter.isprintable() else "?" for letter in words)
