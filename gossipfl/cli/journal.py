"""What a node writes down while it runs, in the form of a run directory of one, and says on standard error.

Rules:
- A line of records is written whole or not at all: whoever reads along sees no half of one.
- A full disk costs records, never the node.
- Records of refusals are rationed: strangers can make us count, but not fill a disk.
- In its records the node is peer 0 and its neighbours are 1, 2, ... in the order of its file.
- Records count over all lives of the node: a new one goes on from what the last had written down.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gossipfl.cli.company import Company
from gossipfl.cli.counted import Counts, added, counted
from gossipfl.cli.pulse import Pulse
from gossipfl.cli.solitude import alone
from gossipfl.errors import RunError
from gossipfl.node.limits import Allowance
from gossipfl.protocol.events import (
    Joined,
    Left,
    Quarantined,
    Refused,
    Regarded,
    RoundClosed,
    Suspected,
    Trusted,
)
from gossipfl.protocol.messages import PeerId, Traffic
from gossipfl.protocol.reputation import EQUIVOCATION
from gossipfl.report import to_json

if TYPE_CHECKING:
    from gossipfl.cli.voice import Say
    from gossipfl.experiment.member import Member
    from gossipfl.learn.contracts import Array
    from gossipfl.node.runner import Record
    from gossipfl.protocol.identity import Neighbour, Roster
    from gossipfl.protocol.memory import Memory

REFUSALS_PER_S = 0.1
REFUSALS_BURST = 50.0
"""Records of one reason: a day of attacks for each of a dozen reasons takes some 20 MB."""

TOLD_MAX = 1_000
"""Refusals told on standard error."""

REFUSALS_KEPT = 10
"""The last refusals, for whoever looks in."""

_STATES = {Joined: "joined", Left: "left", Suspected: "suspected", Trusted: "trusted"}


class Journal:
    """The journal of the node `member`, in its state folder."""

    def __init__(self, member: Member, roster: Roster, traffic: Callable[[], Traffic], say: Say) -> None:
        self.refused: Counter[str] = Counter()  # by the peer; the links count what they refuse
        self.regarded: Counter[str] = Counter()
        self.quarantined: defaultdict[str, list[str]] = defaultdict(list)  # names, by the rule they broke
        self.refusals: deque[dict[str, Any]] = deque(maxlen=REFUSALS_KEPT)
        self.updates: Counter[str] = Counter()  # heard, missing and stale, as rounds were closed
        self.silent: set[PeerId] = set()  # though their links stand
        self.pulse = Pulse(member.file.node.wait_s)
        self.company = Company()
        self.round = 0
        self.metrics: dict[str, float] = {}
        self._member = member
        self._traffic = traffic
        self._say = say
        self._names = [roster.name, *(peer.name for peer in roster.neighbours)]
        self._places = {peer.number: place for place, peer in enumerate(roster.neighbours, 1)}
        self._began = time.monotonic()
        self._refusals: Counter[str] = Counter()  # of all kinds
        self._lock = threading.Lock()
        self._unjudged: dict[str, Any] = {}  # what is said of the last round, once its model is judged
        self._complained = False
        self._judged = -1  # the round judged last
        self._told: set[tuple[str, str]] = set()
        self._rations: defaultdict[str, Allowance] = defaultdict(self._new_ration)
        folder = member.state_path
        try:
            (folder / "rounds").mkdir(parents=True, exist_ok=True)
            self._draw()
            (folder / "experiment.toml").write_text(_settings(member), encoding="utf-8")
            self._before = counted(folder / "records.jsonl")
            self._lines = (folder / "records.jsonl").open("ab", buffering=0)
        except OSError as error:
            raise RunError(
                f"{folder} cannot be written ({error.strerror}): choose another node.state."
            ) from None

    def enlist(self, peer: Neighbour) -> None:
        """`peer` is a neighbour from now on: a new one, or at another address."""
        if peer.number not in self._places:
            self._places[peer.number] = len(self._names)
            self._names.append(peer.name)
            try:
                self._draw()
            except OSError as error:
                self._complain(error)

    def _draw(self) -> None:
        edges = [[0, place] for place in range(1, len(self._names))]
        graph = to_json({"names": self._names, "edges": edges})
        (self._member.state_path / "graph.json").write_text(graph, "utf-8")

    def began(self, epoch: int, memory: Memory | None) -> None:
        """The node lives, in its boot `epoch`, and goes on from `memory` if there is one."""
        self.round = memory.round if memory else 0
        self._write("started", epoch=epoch, round=self.round, **self.counts())
        if memory:
            words = f"goes on after round {memory.round}, from its checkpoint"
            self._say(words, "resumed", round=memory.round)

    def warn(self, *sentences: str) -> None:
        """Tell the operator, and whoever reads the records."""
        for words in sentences:
            self._write("warning", words=words)
            self._say(f"warning: {words}", "warning")

    def close(self) -> None:
        """Nothing more will be written but what was counted."""
        self._write("stopped", round=self.round, **self.counts())
        self._lines.close()

    def saw(self, record: Record) -> None:
        """Something happened to the node."""
        match record:
            case RoundClosed():
                self._closed(record)
            case Refused(sender, reason):
                self.refused[reason] += 1
                self._refuse(sender, self._name(sender), reason, "")
            case Regarded(peer, state):
                self.regarded[state] += 1
                self._write("regarded", neighbour=self._places[peer], state=state)
            case Quarantined():
                self._quarantined(record)
            case Joined(peer) | Left(peer) | Suspected(peer) | Trusted(peer):
                self._link(peer, _STATES[type(record)])

    def refuse(self, sender: PeerId | None, who: str, reason: str, detail: str) -> None:
        """Somebody broke a rule, on a link or at the door; or refuses us."""
        if sender is not None:
            self.warn(*self.company.turned_away(self._name(sender), reason, detail))
        self._refuse(sender, who, reason, detail)

    def _refuse(self, sender: PeerId | None, who: str, reason: str, detail: str) -> None:
        self._refusals[reason] += 1
        self.refusals.append({"unix_s": time.time(), "who": who, "reason": reason, "detail": detail})
        if not self._rations[reason].take(time.monotonic()):
            return
        place = self._places.get(sender) if sender is not None else None
        self._write("refused", sender=place, who=who, reason=reason, detail=detail)
        if (who, reason) not in self._told and len(self._told) < TOLD_MAX:
            self._told.add((who, reason))  # it is dialled again and again: once is enough for people
            words = f"refused {who}: {reason}{'. ' + detail if detail else ''}"
            self._say(words, "refused", who=who, reason=reason, detail=detail)

    def _quarantined(self, record: Quarantined) -> None:
        place, name, for_s = self._places[record.peer], self._name(record.peer), record.for_s
        self.quarantined[record.why].append(name)
        told = {"neighbour": place, "reason": record.why, "for_s": for_s if for_s < math.inf else None}
        self._write("quarantined", **told)
        how_long = f"for {for_s:.0f} s" if for_s < math.inf else "for the rest of the run"
        proved = ": it said different things of one round, which is proved" * (record.why == EQUIVOCATION)
        words = f"{name} is shut out {how_long}{proved or f' for what it did again: {record.why}'}"
        self._say(words, "quarantined", **told | {"neighbour": name})

    def judge(self, round: int, vector: Array) -> None:
        """Score the model of `round` on the node's own test part; called from the training thread."""
        judged = ""
        if self._member.test is not None and self._is_due(round) and round != self._judged:
            self._judged = round
            metrics = self._member.model.score(vector, self._member.test)
            self.metrics = {name: float(value) for name, value in metrics.items()}
            self._write("evaluation", round=round, **self.metrics)
            judged = "".join(
                f", {name} {value:.3f}" for name, value in self.metrics.items() if name != "loss"
            )
        told, self._unjudged = self._unjudged, {}
        if told:
            scores = self.metrics if judged else {}
            self._say(told.pop("words") + judged, "round", **told, **scores)

    def traffic(self) -> dict[str, int]:
        """What the node said so far in this life."""
        return asdict(self._traffic())

    def counts(self) -> Counts:
        """What the node said, refused and took others for in all its lives, and how long it lived."""
        now = {
            "lives": 1,
            "wall_s": time.monotonic() - self._began,
            **self.traffic(),
            "refused": dict(self._refusals),
            "suspected": self.regarded["suspected"],
            "stand_ins": self.regarded["stand-in"],
            "quarantined": dict(self.quarantined),
        }
        return added(self._before, now)

    def _closed(self, closed: RoundClosed) -> None:
        self.round = closed.round
        self.pulse.closed(closed.duration_s)
        self.updates.update(heard=closed.heard, missing=closed.missing, stale=closed.stale)
        if self._member.file.node.keep_rounds and self._is_due(closed.round):
            try:
                np.save(self._member.state_path / "rounds" / f"{closed.round}.npy", closed.vector)
            except OSError as error:
                self._complain(error)
        self._write(
            "round",
            round=closed.round,
            duration_s=closed.duration_s,
            heard=closed.heard,
            missing=closed.missing,
            stale=closed.stale,
            used=[[self._places[one.sender], *one[1:]] for one in closed.used],
            **self.counts(),
        )
        rounds = self._member.file.learning.rounds
        heard = f"heard {closed.heard}"
        if self._member.file.gossip.exchange is None:  # else nobody is due
            heard += f" of {closed.heard + closed.missing}"
        self._unjudged = {
            "words": f"round {closed.round} of {rounds} in {closed.duration_s:.2f} s, {heard}",
            "round": closed.round,
            "rounds": rounds,
            "duration_s": closed.duration_s,
            "heard": closed.heard,
            "missing": closed.missing,
            "stale": closed.stale,
        }

    def _link(self, peer: PeerId, state: str) -> None:
        name = self._name(peer)
        (self.company.went if state == "left" else self.company.came)(name)
        (self.silent.add if state == "suspected" else self.silent.discard)(peer)
        self._write("link", neighbour=self._places[peer], state=state)
        here = self.company.here
        waiting = [name for name in self._names[1:] if name not in here]
        words = f"{name} {state}"
        if waiting and here and not self.round:
            minutes = self._member.file.node.wait_s / 60
            words += f"; waiting up to {minutes:.3g} min for {', '.join(waiting)}"
        self._say(words, "link", neighbour=name, state=state)

    @property
    def waits(self) -> bool:
        """Whether the node has closed no round since it started, and nobody is there."""
        return self.pulse.last_s is None and not self.company.here

    def tell_alone(self) -> None:
        """Say who is waited for, and what may be done about it."""
        round, absent = self.round, self._names[1:]
        words = alone(round, absent, self._member.state_path)
        self._say(words, "alone", round=round, absent=absent)

    @property
    def never_seen(self) -> list[str]:
        """The peers that were not there at any time."""
        return [name for name in self._names[1:] if name not in self.company.seen]

    def _is_due(self, round: int) -> bool:
        file = self._member.file
        return round % file.run.evaluate_every == 0 or round == file.learning.rounds

    @staticmethod
    def _new_ration() -> Allowance:
        return Allowance(REFUSALS_PER_S, REFUSALS_BURST, time.monotonic())

    def _name(self, peer: PeerId) -> str:
        return self._names[self._places[peer]]

    def _write(self, kind: str, **facts: Any) -> None:
        now = {"time_s": time.monotonic() - self._began, "unix_s": time.time()}
        line = (to_json({"kind": kind, "peer": 0, **now, **facts}) + "\n").encode()
        with self._lock:
            end = self._lines.seek(0, os.SEEK_END)
            try:
                if self._lines.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._complain(error)
                with contextlib.suppress(OSError):  # not a regular file
                    self._lines.truncate(end)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            words = f"records cannot be written ({error.strerror}): free some space; the node goes on"
            self._say(words, "warning")
        self._complained = True


def _settings(member: Member) -> str:
    import tomli_w

    shared = {"model", "learning", "gossip", "robust", "run"}
    told = member.file.model_dump(mode="json", include=shared, exclude_none=True)
    told["run"].pop("engine", None)  # that is of simulations
    return tomli_w.dumps(told)
