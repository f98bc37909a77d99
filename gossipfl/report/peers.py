"""Who took part in a run: how many, under which names, who was judged, who attacked, and who was killed.

Rules:
- Of a large run peers are numbers alone: no list of them all is made unless it is asked for.
- Records of unknown shape are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gossipfl.report.run import Run

Record = dict[str, Any]
_PEERS_MAX = 1_000_000


def peer_count(run: Run) -> int:
    """How many peers there are: by the graph, else by the summary or as many as were seen."""
    names = run.graph.get("names")
    if isinstance(names, list) and names:
        return len(names)
    told = [number(run.graph.get("peers")) or 0, number(run.summary.get("peers")) or 0]
    seen = (peer_of(record) for record in run.records)
    return int(min(max([*told, *(peer + 1 for peer in seen if peer is not None)]), _PEERS_MAX))


def peer_name(run: Run, peer: int) -> str:
    """What the graph calls a peer, else its number."""
    names = run.graph.get("names")
    return str(names[peer]) if isinstance(names, list) and 0 <= peer < len(names) else str(peer)


def peer_names(run: Run) -> list[str]:
    """One name per peer."""
    return [peer_name(run, peer) for peer in range(peer_count(run))]


def is_sampled(run: Run) -> bool:
    """Whether only some of the peers were judged."""
    return isinstance(run.summary.get("judged"), list)


def judged_peers(run: Run) -> Sequence[int]:
    """The peers that were judged, ascending: all that are honest, unless the summary names some."""
    peers = peer_count(run)
    if not is_sampled(run):
        hostile = set(attackers_of(run))
        return [peer for peer in range(peers) if peer not in hostile] if hostile else range(peers)
    return sorted({peer for peer in run.summary["judged"] if isinstance(peer, int) and 0 <= peer < peers})


def judged_words(run: Run) -> str | None:
    """`100 of 1,000,000 peers` where only some were judged."""
    honest = f"{honest_count(run):,} {'honest ' * bool(attackers_of(run))}peers"
    return f"{len(judged_peers(run)):,} of {honest}" if is_sampled(run) else None


def attackers_of(run: Run) -> list[int]:
    """The peers that attacked, ascending."""
    told, peers = run.summary.get("attackers"), peer_count(run)
    found = told if isinstance(told, list) else []
    return sorted({peer for peer in found if isinstance(peer, int) and 0 <= peer < peers})


def honest_count(run: Run) -> int:
    """How many peers do not attack."""
    return peer_count(run) - len(attackers_of(run))


def killed_peers(run: Run) -> list[int]:
    """The peers that were killed, in order."""
    killed = run.summary.get("killed")
    return sorted({k for k in killed if isinstance(k, int)}) if isinstance(killed, list) else []


def neighbour_states(run: Run) -> dict[int, str]:
    """Whether each neighbour of a node was last `here`, `suspected`, `left`, or was `never seen`.

    A node that starts again has no link until the neighbour joins anew.
    """
    words = {"joined": "here", "trusted": "here", "suspected": "suspected"}
    states = dict.fromkeys(range(1, peer_count(run)), "never seen")
    for record in run.records:
        if record.get("kind") == "started":
            states = {who: "left" if state in words.values() else state for who, state in states.items()}
        if record.get("kind") != "link":
            continue
        neighbour = record.get("neighbour")
        if isinstance(neighbour, int) and neighbour in states:
            states[neighbour] = words.get(str(record.get("state")), "left")
    return states


def last_rounds(run: Run) -> dict[int, int]:
    """The last round in which each peer was seen."""
    last: dict[int, int] = {}
    for record in run.records:
        peer, at = peer_of(record), number(record.get("round"))
        if peer is not None and at is not None:
            last[peer] = max(last.get(peer, 0), int(at))
    return last


def kills_of(run: Run) -> dict[int, int]:
    """The round in which each killed peer was killed: the one after the last it closed."""
    if run.summary.get("engine") == "crowd":
        return _kills_of_crowd(run)
    last = last_rounds(run)
    end = number(run.summary.get("rounds")) or max(last.values(), default=0)
    kills = {}
    for peer in killed_peers(run):
        at = last.get(peer, 0)
        left = _round_before_leaving(run, peer) if at >= end else None  # it came back: its neighbours know
        kills[peer] = min((at if left is None else left) + 1, int(end))
    return kills


def restarts_of(run: Run) -> list[int]:
    """The rounds after which one node was started again."""
    starts = [number(record.get("round")) for record in of_kind(run, "started")]
    return [int(at or 0) for at in starts[1:]]


def planned_rounds(run: Run) -> float | None:
    """How many rounds there are to be; a node that was never stopped has only its settings to say it."""
    learning = run.settings.get("learning")
    asked = learning.get("rounds") if isinstance(learning, dict) else None
    return number(run.summary.get("rounds", asked if run.is_of_one_node else None))


def of_kind(run: Run, kind: str) -> Iterator[Record]:
    """The records of one kind, in order."""
    return (record for record in run.records if record.get("kind") == kind)


def number(value: object) -> float | None:
    """The value as a finite number, or None: absent, null, NaN, infinite, or no number at all."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def peer_of(record: Record) -> int | None:
    """Whom a record is about."""
    peer = record.get("peer")
    return peer if isinstance(peer, int) and 0 <= peer < _PEERS_MAX else None


def _kills_of_crowd(run: Run) -> dict[int, int]:
    """All rounds of a crowd last equally long, and nobody tells of its own."""
    ends = [(number(r.get("time_s")), number(r.get("round"))) for r in of_kind(run, "network")]
    time_s, rounds = next(((t, r) for t, r in reversed(ends) if t and r), (1.0, 1.0))
    kills = {}
    for record in of_kind(run, "killed"):
        peer, at_s = peer_of(record), number(record.get("time_s"))
        if peer is not None and at_s is not None:
            kills[peer] = min(round(at_s / time_s * rounds) + 1, int(rounds))
    return kills


def _round_before_leaving(run: Run, peer: int) -> int | None:
    left = (r for r in of_kind(run, "link") if r.get("neighbour") == peer and r.get("state") == "left")
    when = min((at for r in left if (at := number(r.get("time_s"))) is not None), default=None)
    if when is None:
        return None
    times = ((number(r.get("time_s")), number(r.get("round"))) for r in run.records)
    return max((int(at or 0) for time_s, at in times if time_s is not None and time_s <= when), default=None)
