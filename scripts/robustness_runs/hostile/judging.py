"""The figures of each part beside what they must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gossipfl.node.limits import STRANGERS_MAX, STRANGERS_PER_HOST_MAX
from robustness_runs.processes.rows import Row, at_most, exactly

SLOWER_MAX = 1.2
STRANGER_KIB_MAX = 64.0
MEMBER_MIB_MAX = 1.0
"""Beside one update."""

SLACK_S = 30.0
"""A sentence may last so much longer where the node is killed meanwhile: that does not count."""

REPLAYED = ("replay", "run", "sender")
"""The rules by which what is said again is refused: here, of another run, and of another sender."""


class Besieged(NamedTuple):
    """Mean seconds of an honest round without and with a crowd at a door, and links that broke."""

    half_open: int
    dribblers: int
    calm_s: float
    besieged_s: float
    links_lost: int


class Weighed(NamedTuple):
    """What connections cost: KiB of each stranger, MiB of a member; how many stand at the door."""

    strangers_kib: Mapping[str, float]
    crowd: int
    from_one_address: int
    members_mib: Mapping[str, float]
    talker_mib: float  # of one of whom two updates wait to be used, as they may
    update_mib: float


class Met(NamedTuple):
    """A stranger: the reason for which it must be refused, and was; bytes that it was answered."""

    name: str
    wanted: str
    reason: str
    answered: int
    audited: bool = False


class Replayed(NamedTuple):
    """What was said again: over links, where some was used, or used twice, and some refused; in process."""

    times: int
    used: int
    twice: int
    reasons: Sequence[str]
    in_process: int
    let_in: int


class ShutOut(NamedTuple):
    """A sentence, what who serves it hears from a node that was killed, and after how long it was let in."""

    for_s: float
    verdict: str
    in_after_s: float


def crowd_rows(seen: Besieged) -> list[Row]:
    """Whether honest rounds go on."""
    who = f"{seen.half_open} half-open and {seen.dribblers} dribblers"
    times = seen.besieged_s / seen.calm_s
    return [
        at_most(f"{who}: an honest round of {seen.calm_s:.2f} s takes", times, SLOWER_MAX, "times"),
        exactly(f"{who}: links of honest nodes that broke", seen.links_lost, 0),
    ]


def memory_rows(seen: Weighed) -> list[Row]:
    """Whether memory holds."""
    most, strangers = seen.update_mib + MEMBER_MIB_MAX, seen.strangers_kib.items()
    return [
        *(at_most(f"stranger: {n}", kib, STRANGER_KIB_MAX, "KiB each") for n, kib in strangers),
        at_most("strangers that may stand at the door", seen.crowd, STRANGERS_MAX, "at once"),
        at_most("and of one address", seen.from_one_address, STRANGERS_PER_HOST_MAX, "at once"),
        *(at_most(f"member: {name}", mib, most, "MiB") for name, mib in seen.members_mib.items()),
        at_most("member: and has said two rounds before", seen.talker_mib, most + 2 * seen.update_mib, "MiB"),
    ]


def stranger_rows(seen: Sequence[Met]) -> list[Row]:
    """Whether all were refused, unheard."""
    return [
        *(exactly(one.name, one.reason, one.wanted) for one in seen),
        exactly("bytes that any of them was answered", sum(one.answered for one in seen), 0),
        exactly("of them, in the signed log", sum(one.audited for one in seen), len(seen)),
    ]


def replay_rows(seen: Replayed) -> list[Row]:
    """Whether nothing was used twice."""
    return [
        exactly(f"said again over links {seen.times} times: used twice", seen.twice, 0),
        exactly("and refused as", ", ".join(seen.reasons), ", ".join(REPLAYED)),
        exactly("updates of the same member that were used", seen.used, 2),
        exactly(f"said again in process {seen.in_process} times: let in", seen.let_in, 0),
    ]


def sentence_rows(seen: ShutOut) -> list[Row]:
    """Whether a sentence outlives the process, and ends."""
    most_s = seen.for_s + SLACK_S
    return [
        exactly("shut out: what it hears after kill -9 and a restart", seen.verdict, "quarantined"),
        at_most("shut out: it is let in again after", seen.in_after_s, most_s, "s"),
    ]
