"""A run as tables: its key figures, and one line per peer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gossipfl.report.choices import rule_words
from gossipfl.report.curves import curves_of, distance, metric_of
from gossipfl.report.incidents import incident_rows
from gossipfl.report.peers import (
    attackers_of,
    honest_count,
    is_sampled,
    judged_peers,
    judged_words,
    killed_peers,
    last_rounds,
    neighbour_states,
    number,
    of_kind,
    peer_count,
    peer_name,
    planned_rounds,
    restarts_of,
)
from gossipfl.report.run import Run
from gossipfl.report.words import (
    NOTHING,
    count,
    duration,
    listing,
    metric_label,
    on_one_line,
    score,
    share,
    significant,
    size,
)

PEER_HEADINGS = ("peer", "name", "state", "rounds", "score", "heard", "missing", "stale")
_TALLIES = ("heard", "missing", "stale")
_COUNTING = ("started", "round", "stopped")
"""Records in which a node says what it has counted so far."""


def summary_rows(run: Run) -> list[tuple[str, str]]:
    """The key figures of a run as (label, value), in the order in which they are read."""
    found = run.summary
    rows = [
        *(_own_rows(run) if run.is_of_one_node else _network_rows(run)),
        ("Bytes sent", size(figure(run, "bytes_sent"))),
        ("Messages sent", count(figure(run, "messages_sent"))),
        ("Messages lost", _lost(run)),
        ("Messages stale", count(_stale(run))),
        ("Messages refused", _refused(run)),
        ("Quarantined peers", _quarantined(run)),
        ("Aggregation", rule_words(run) or NOTHING),
        ("Spectral gap", significant(found.get("spectral_gap"))),
        ("Wall time", duration(figure(run, "wall_s"))),
        ("Engine", str(found.get("engine") or NOTHING)),
        ("Kernels", str(found.get("kernels") or NOTHING)),
        ("Seed", str(found.get("seed", NOTHING))),
        ("Trace hash", str(found.get("trace_hash") or NOTHING)),
    ]
    return [row for row in rows if row[1] != NOTHING]


def _own_rows(run: Run) -> list[tuple[str, str]]:
    """How far one node came, in all its lives."""
    metric, lives = metric_of(run), len(restarts_of(run)) + 1
    scored = curves_of(run).single[:, -1:].ravel().tolist()
    done = max(last_rounds(run).get(0, 0), int(number(run.summary.get("round")) or 0))
    return [
        (
            f"{metric_label(metric)}, own test rows",
            score(scored[0] if scored else None, metric),
        ),
        ("Rounds done", f"{count(done)} of {count(planned_rounds(run))}"),
        ("Finished", "yes" if number(run.summary.get("finished")) else "no"),
        ("Started", f"{count(lives)} times; what is counted is of all its lives" if lives > 1 else NOTHING),
    ]


def _network_rows(run: Run) -> list[tuple[str, str]]:
    """How far all peers came."""
    found, metric, sampled = run.summary, metric_of(run), is_sampled(run)
    label = metric_label(metric)
    return [
        ("Judged", judged_words(run) or NOTHING),
        (f"{label}, mean node", _of_judged(score(figure(run, f"{metric}_mean"), metric), sampled)),
        (f"{label}, worst node", _of_judged(score(figure(run, f"{metric}_worst"), metric), sampled)),
        (f"{label}, averaged model", score(figure(run, f"{metric}_averaged_model"), metric)),
        (f"{label}, own test parts", score(figure(run, f"{metric}_local"), metric)),
        ("Consensus distance", _of_judged(significant(_consensus(run)), sampled)),
        ("Diverged models", diverged_words(run) or NOTHING),
        ("Attack", attack_words(run) or NOTHING),
        ("Backdoor success", score(figure(run, "backdoor_success"), "accuracy")),
        ("Finished peers", finished_words(run)),
        ("Killed peers", listing([peer_name(run, peer) for peer in killed_peers(run)], most=8) or "none"),
        *incident_rows(run),
        ("Rounds", count(found.get("rounds"))),
    ]


def diverged_words(run: Run) -> str | None:
    """`3 of 16 peers`, if there are any whose model is not finite or grew beyond reason."""
    found, honest = number(run.summary.get("diverged")), "honest " * bool(attackers_of(run))
    if not found or run.is_of_one_node:
        return None
    return f"{count(found)} of {count(len(judged_peers(run)))} {'judged ' * is_sampled(run)}{honest}peers"


def diverged_sentence(run: Run) -> str | None:
    """That models diverged, and what can be done, if any did."""
    words = diverged_words(run)
    if words is None:
        return None
    mend = "the attack does that, or" if attackers_of(run) else "lower"
    told = f"The models of {words} diverged, for they are not finite or grew beyond all reason: {mend}"
    return f"{told} learning.learning_rate{' is too high' * bool(attackers_of(run))}."


def attack_words(run: Run) -> str | None:
    """`alie, by 4 of 20 peers: 3, 7, 11 and 15`, if there was an attack."""
    hostile = attackers_of(run)
    if not hostile:
        return None
    who = listing([peer_name(run, peer) for peer in hostile], most=8)
    return f"{run.summary.get('attack')}, by {count(len(hostile))} of {count(peer_count(run))} peers: {who}"


def finished_words(run: Run) -> str:
    """`19 of 20`, of those who are honest."""
    if not attackers_of(run):
        return f"{count(run.summary.get('finished'))} of {count(peer_count(run))}" if run.summary else NOTHING
    return f"{count(run.summary.get('finished'))} of {count(honest_count(run))} honest"


def _of_judged(words: str, sampled: bool) -> str:
    return f"{words} (of those judged)" if sampled and words != NOTHING else words


def _consensus(run: Run) -> float:
    return distance(figure(run, "consensus_distance"))


def peer_rows(run: Run, most: int | None = None) -> list[tuple[str, ...]]:
    """One row under `PEER_HEADINGS` for each peer that was judged or attacked, or for the first `most`."""
    metric, last, killed = metric_of(run), last_rounds(run), set(killed_peers(run))
    scores, tallies = final_scores(run), _tallies(run)
    rounds = number(run.summary.get("rounds"))
    states = neighbour_states(run) if run.is_of_one_node else {}
    rows = []
    hostile = set(attackers_of(run))
    for peer in sorted([*judged_peers(run), *hostile])[:most] if hostile else judged_peers(run)[:most]:
        name = peer_name(run, peer)
        if peer in states:
            rows.append((str(peer), name, states[peer], *[NOTHING] * (len(PEER_HEADINGS) - 3)))
            continue
        done = last.get(peer)
        whole = scores.get(peer) is not None or (rounds is not None and done is not None and done >= rounds)
        if run.is_of_one_node:
            whole = bool(number(run.summary.get("finished")))
        state = (
            ("restarted" if whole else "killed") if peer in killed else "finished" if whole else "unfinished"
        )
        state = "attacker" if peer in hostile else state
        tally = [count(tallies[peer][key]) if peer in tallies else NOTHING for key in _TALLIES]
        rows.append((str(peer), name, state, count(done), score(scores.get(peer), metric), *tally))
    return rows


def final_scores(run: Run) -> dict[int, float]:
    """What each judged peer scored at the end, but for those that did not finish or scored nothing finite."""
    peers, told = judged_peers(run), run.summary.get(f"{metric_of(run)}_per_peer")
    if not isinstance(told, list):
        told = [float(row[-1]) for row in curves_of(run).single]
    found = zip(peers, map(number, told), strict=False)
    return {peer: value for peer, value in found if value is not None}


def figure(run: Run, key: str) -> float | None:
    """A figure of the summary or, if the run did not get that far, of its last network record."""
    told = number(_told(run, key))
    if told is not None or run.summary:
        return told
    return next(
        (at for r in reversed(list(of_kind(run, "network"))) if (at := number(r.get(key))) is not None), None
    )


def _told(run: Run, key: str) -> Any:
    """What the summary says under `key`; a node's last count is never older: that is of its last stop."""
    counts = (r[key] for r in reversed(run.records) if r.get("kind") in _COUNTING and key in r)
    return next(counts, run.summary.get(key)) if run.is_of_one_node else run.summary.get(key)


def rows_as_text(rows: list[tuple[str, str]]) -> str:
    """(label, value) rows as two aligned columns."""
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join(f"{label:<{width}}  {on_one_line(value)}" for label, value in rows)


def _lost(run: Run) -> str:
    lost, sent = figure(run, "messages_lost"), figure(run, "messages_sent")
    return f"{count(lost)} ({share(lost, sent)})" if lost and sent else count(lost)


def _stale(run: Run) -> float | None:
    told = number(run.summary.get("messages_stale"))
    rounds = [number(record.get("stale")) for record in of_kind(run, "round")]
    return sum(stale or 0 for stale in rounds) if told is None and rounds else told


def _refused(run: Run) -> str:
    told = _told(run, "refused")
    if not isinstance(told, dict):
        told = Counter(str(record.get("reason")) for record in of_kind(run, "refused"))
    return ", ".join(f"{count(n)} {reason}" for reason, n in sorted(told.items())) or "none"


def _quarantined(run: Run) -> str:
    """Who was shut out: `3, by proof` or `1, for malformed`."""
    told = _told(run, "quarantined")
    counts = {why: len(peers) for why, peers in told.items()} if isinstance(told, dict) else {}
    words = [
        f"{count(n)}, {'by proof' if why == 'equivocation' else f'for {why}'}" for why, n in counts.items()
    ]
    return "; ".join(words) or NOTHING


def _tallies(run: Run) -> dict[int, Counter[str]]:
    tallies: dict[int, Counter[str]] = {}
    for record in of_kind(run, "round"):
        peer = record.get("peer")
        if isinstance(peer, int):
            mine = tallies.setdefault(peer, Counter())
            for key in _TALLIES:
                mine[key] += int(number(record.get(key)) or 0)
    return tallies
