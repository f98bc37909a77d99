"""What befalls four organisations on hosts of their own, and what is seen of it, in numbers.

Rules:
- Each trial ends with everything mended and everybody heard again, so that another may follow.
- A time runs from the harm until the node in question has written down that it noticed.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

from robustness_runs.hosts.consortium import Consortium, gossipfl


class Ended(NamedTuple):
    """How runs ended: how many nodes finished, their accuracy in percent, and what they missed meanwhile."""

    finished: int
    accuracy: float
    missing: int  # updates
    suspected: int
    dead: int
    broken: int  # audit logs
    seconds: float


class Missed(NamedTuple):
    """How those who could not hear somebody noticed, and how all was well again; in seconds."""

    suspected_s: float
    dead_s: float
    round_s: float  # the longest of those who went on
    falsely: int  # given up, though they could be heard
    back_s: float
    behind: int  # rounds, once it is back


def ended(all_: Consortium) -> Ended:
    """Wait until the run is over."""
    summaries = all_.finish()
    numbers = range(len(all_.nodes))
    rounds = [record for number in numbers for record in all_.closed(number)]
    last = max(record["round"] for record in rounds)
    done = min(record["unix_s"] for record in rounds if record["round"] == last)  # then they say goodbye
    links = [r["state"] for number in numbers for r in all_.of(number, "link") if r["unix_s"] < done]
    audits = [gossipfl("audit", "verify", node.path, "--json") for node in all_.nodes]
    return Ended(
        sum(summary["finished"] for summary in summaries),
        100 * statistics.mean(summary["accuracy_mean"] for summary in summaries),
        sum(record["missing"] for record in rounds if record["round"] < last),
        links.count("suspected"),
        links.count("left"),
        sum(json.loads(audit)["broken"] != "" for audit in audits),
        done - min(record["unix_s"] for record in rounds),
    )


def pulled(all_: Consortium, number: int = 3) -> Missed:
    """Pull the cable of one, until all others have given it up, and plug it in again."""
    host = all_.hosts[number]
    rest = [node.number for node in all_.nodes if node.number != number]
    all_.hosts.pull(host)
    missed = _missed(all_, product(rest, [number]), rest)
    all_.hosts.plug(host)
    return _mended(all_, missed, [*product(rest, [number]), *product([number], rest)])


def parted(all_: Consortium) -> Missed:
    """Let two halves not reach each other, until each has given up the other, and join them again."""
    one, other = [0, 1], [2, 3]
    across = [*product(one, other), *product(other, one)]
    all_.hosts.part([all_.hosts[number] for number in one])
    missed = _missed(all_, across, one + other)
    all_.hosts.join()
    return _mended(all_, missed, across)


def deafened(all_: Consortium, host: int = 0, speaker: int = 3) -> Missed:
    """Let one hear nothing of another, which hears it, until both have given up the other, and mend that."""
    pairs = [(host, speaker), (speaker, host)]
    all_.hosts.deafen(all_.hosts[host], all_.hosts[speaker])
    missed = _missed(all_, pairs, range(len(all_.nodes)))
    all_.hosts.heal(all_.hosts[host], all_.hosts[speaker])
    return _mended(all_, missed, pairs)


def _missed(all_: Consortium, pairs: Iterable[tuple[int, int]], rest: Sequence[int]) -> Missed:
    """Wait until the first of each of `pairs` has given up the second; `rest` must go on."""
    since, pairs = time.time(), list(pairs)

    def noticed(state: str) -> float:
        return max(all_.noticed_s(by, state, of, since) for by, of in pairs)

    all_.wait_until(lambda: noticed("left") < time.time(), "whoever is cut off is given up")
    all_.go_on(rest)
    left = sum(len(all_.of(number, "link", since, state="left")) for number in rest)
    longest_s = max(record["duration_s"] for number in rest for record in all_.closed(number, since))
    return Missed(noticed("suspected"), noticed("left"), longest_s, left - len(pairs), 0.0, 0)


def _mended(all_: Consortium, missed: Missed, pairs: Sequence[tuple[int, int]]) -> Missed:
    """Wait until each of `pairs` is joined again, and all hear all."""
    since = time.time()

    def back_s() -> float:
        return max(all_.noticed_s(by, "joined", of, since) for by, of in pairs)

    all_.wait_until(lambda: back_s() < time.time(), "all are back")
    all_.hear_all()
    last = [all_.closed(node.number)[-1]["round"] for node in all_.nodes]
    return missed._replace(back_s=back_s(), behind=max(last) - min(last))
