"""What befell a run besides kills: peers that left or stood still, and cuts through its network."""

from __future__ import annotations

from gossipfl.report.peers import number, of_kind, peer_name, peer_of
from gossipfl.report.run import Run
from gossipfl.report.words import listing

Span = tuple[float, float]
_NAMES_MAX = 8
_SPANS_MAX = 4


def incident_rows(run: Run) -> list[tuple[str, str]]:
    """What befell the run, as (label, words); nothing of what did not happen."""
    spans = cut_spans(run)
    words = [f"rounds {low:.0f} to {high:.0f}" for low, high in spans]
    rows = [
        ("Peers that left", _names(run, "left")),
        ("Paused peers", _names(run, "paused")),
        ("Links cut in", listing(words, most=_SPANS_MAX)),
    ]
    return [row for row in rows if row[1]]


def cut_spans(run: Run) -> list[Span]:
    """From which round to which some links were cut."""
    spans: list[Span] = []
    began_s, open_cuts = 0.0, 0
    for record in run.records:
        at_s = number(record.get("time_s"))
        if at_s is None or record.get("kind") not in ("partitioned", "healed"):
            continue
        if record["kind"] == "partitioned":
            began_s = at_s if not open_cuts else began_s
            open_cuts += 1
        elif open_cuts:
            open_cuts -= 1
            if not open_cuts:
                spans.append((_round_at(run, began_s), _round_at(run, at_s)))
    if open_cuts:
        spans.append((_round_at(run, began_s), number(run.summary.get("rounds")) or _round_at(run, began_s)))
    return spans


def _names(run: Run, kind: str) -> str:
    peers = sorted({peer for r in of_kind(run, kind) if (peer := peer_of(r)) is not None})
    return listing([peer_name(run, peer) for peer in peers], most=_NAMES_MAX)


def _round_at(run: Run, time_s: float) -> float:
    """The round that the first peer was in."""
    closed = ((number(record.get("time_s")), number(record.get("round"))) for record in of_kind(run, "round"))
    last = max((at or 0.0 for when_s, at in closed if when_s is not None and when_s <= time_s), default=0.0)
    return min(last + 1, number(run.summary.get("rounds")) or last + 1)
