"""The pages that an operator sees of a node: /metrics for Prometheus, /health, and /status as JSON.

Rules:
- No label is made of a peer's words: reasons are those known here, names those of the node's own file.
- All series are there from the start, so that the first refusal shows as an increase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import NamedTuple

from gossipfl.cli.vitals import Vitals
from gossipfl.node.window import Page, Pages
from gossipfl.protocol.acquaintance import Presence
from gossipfl.protocol.reputation import EQUIVOCATION, OFFENCES, QUARANTINED
from gossipfl.report import to_json

OTHER = "other"
REASONS = sorted(
    OFFENCES
    | {EQUIVOCATION, QUARANTINED, OTHER, "alpn", "bad-magic", "certificate", "clock", "code", "corrupt"}
    | {"crowded", "flood", "forged-issuer", "huge", "no-certificate", "not-tls", "refused-us", "replay"}
    | {"oversized-handshake"}
    | {"silent", "slow", "stale", "stranger", "tls", "tls-version", "too often", "unasked", "unexpected-type"}
    | {"delisted", "members", "unknown-key", "version", "wrong-key"}
)
"""Why something is refused, in all words under which it is counted."""


class Metric(NamedTuple):
    """One family of the text format: its samples are labels and a value."""

    name: str
    kind: str
    help: str
    samples: Iterable[tuple[Mapping[str, str], float | int]]


def pages(look: Callable[[], Vitals]) -> Pages:
    """What stands at each path, made of what `look` finds when it is asked for."""
    return {
        "/metrics": lambda: Page(200, "text/plain; version=0.0.4; charset=utf-8", exposition(look())),
        "/health": lambda: _health(look()),
        "/status": lambda: _json(200, asdict(look())),
    }


def _health(vitals: Vitals) -> Page:
    words = {
        "healthy": not vitals.trouble,
        "why": vitals.trouble,
        "round": vitals.round,
        "rounds": vitals.rounds,
    }
    return _json(503 if vitals.trouble else 200, words)


def _json(status: int, value: object) -> Page:
    return Page(status, "application/json", (to_json(value) + "\n").encode())


def exposition(vitals: Vitals) -> bytes:
    """`vitals` in the text format of Prometheus, version 0.0.4."""
    lines = []
    for name, kind, words, samples in _metrics(vitals):
        full = f"gossipfl_{name}" if not name.startswith("process_") else name
        lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}"]
        lines += [f"{full}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return ("\n".join(lines) + "\n").encode()


def _metrics(vitals: Vitals) -> Iterator[Metric]:
    for name, words, value in (
        (
            "healthy",
            "1 if rounds are closed as usual, the model is finite and somebody lets it in, else 0.",
            int(not vitals.trouble),
        ),
        ("boot_epoch", "Grows with each start of the node.", vitals.epoch),
        ("round", "The last round closed.", vitals.round),
        ("rounds", "Rounds of the run.", vitals.rounds),
        ("round_seconds", "How long the last round took.", vitals.round_s),
        ("round_age_seconds", "Since a round was closed, or the node began.", vitals.age_s),
        ("round_limit_seconds", "The age from which on the node is taken for stuck.", vitals.limit_s),
        ("shut_out", "Neighbours that are shut out now.", sum(seen.shut_out for seen in vitals.neighbours)),
        ("process_resident_memory_bytes", "Memory of the process.", vitals.memory_bytes),
        ("tasks", "Tasks of the node's event loop: a few, and a few more for each connection.", vitals.tasks),
        ("process_open_fds", "Open files and sockets of the process.", vitals.descriptors),
    ):
        if value is not None:
            yield Metric(name, "gauge", words, [({}, value)])
    for name, words in (
        ("messages_sent", "Updates said."),
        ("messages_received", "Updates heard on links, used or not."),
        ("messages_lost", "Messages that no link took, or that a link dropped."),
        ("bytes_sent", "Bytes said on links, within TLS."),
        ("bytes_received", "Bytes heard on links, within TLS."),
    ):
        yield Metric(f"{name}_total", "counter", words, [({}, vitals.traffic[name])])
    yield from _labelled(vitals)


def _labelled(vitals: Vitals) -> Iterator[Metric]:
    updates = [({"state": name}, vitals.updates.get(name, 0)) for name in ("heard", "missing", "stale")]
    yield Metric("updates_total", "counter", "Updates of neighbours, as rounds were closed.", updates)
    counts = dict.fromkeys(REASONS, 0)
    for reason, count in vitals.refused.items():
        counts[reason if reason in counts else OTHER] += count
    refused = [({"reason": reason}, count) for reason, count in counts.items()]
    yield Metric("refusals_total", "counter", "What was refused, by the rule that was broken.", refused)
    presences = [seen.presence for seen in vitals.neighbours]
    seen = [({"presence": each.value}, presences.count(each.value)) for each in Presence]
    yield Metric("neighbours", "gauge", "Neighbours by what they are taken for.", seen)
    lags = [({"neighbour": seen.name}, seen.lag) for seen in vitals.neighbours if seen.lag is not None]
    yield Metric("neighbour_lag_rounds", "gauge", "How far a neighbour's last word is behind us.", lags)
    scores = [({"metric": name}, value) for name, value in vitals.scores.items()]
    yield Metric("score", "gauge", "The model on the node's own test rows, when last judged.", scores)


def _labels(labels: Mapping[str, str]) -> str:
    return (
        "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"
        if labels
        else ""
    )


def _number(value: float) -> str:
    return repr(value).replace("nan", "NaN").replace("inf", "Inf")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
