"""The stage on which faults befall processes: what a timetable asks for is done to them, and written down.

Rules:
- Nothing is done to a process that is not in a state for it; one that has finished is left in peace.
- Time begins when the first peer has closed a round: how long processes take to start is nobody's fault.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from gossipfl.cli.process import Process
from gossipfl.cli.shuttle import Pair, Shuttle
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.plans import Absence, Back, Churn, Fault, Sessions

if TYPE_CHECKING:
    from gossipfl.experiment.recorder import Recorder


class ProcessStage:
    """The `nodes` and the `shuttle` between them; `faults` are those that may befall them."""

    def __init__(
        self,
        nodes: Sequence[Process],
        shuttle: Shuttle,
        recorder: Recorder,
        faults: Collection[Fault],
        now_s: Callable[[], float],
    ) -> None:
        self._nodes = nodes
        self._shuttle = shuttle
        self._recorder = recorder
        self._now_s = now_s
        self._returns = _returns(faults, len(nodes))
        self._forget = any(isinstance(each, Churn | Sessions | Absence) and each.forgets for each in faults)
        self._starting: set[PeerId] = set()  # as soon as they have ended
        self._cut: Counter[Pair] = Counter()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._began_s: float | None = None

    def later(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let something happen in `delay_s` seconds, or so long after the beginning if that is to come."""
        heapq.heappush(self._due, (self._passed_s + delay_s, next(self._order), happen))

    def under_way(self) -> None:
        """Somebody has closed a round: from the first on, time passes."""
        if self._began_s is None:
            self._began_s = self._now_s()

    @property
    def _passed_s(self) -> float:
        return 0.0 if self._began_s is None else self._now_s() - self._began_s

    def kill(self, number: PeerId) -> None:
        """End a process without a word."""
        node = self._nodes[number]
        self._starting.discard(number)
        if node.alive:
            node.kill()
            self._mark("killed", number)

    def leave(self, number: PeerId) -> None:
        """Ask a process to say goodbye."""
        node = self._nodes[number]
        self._starting.discard(number)
        if node.alive and not node.left:
            node.leave()
            self._mark("left", number)

    def boot(self, number: PeerId) -> None:
        """Start a process again that was killed or has left, once it has ended."""
        node = self._nodes[number]
        self._returns[number] -= 1
        if node.killed or node.left:
            self._starting.add(number)

    def pause(self, number: PeerId, lasts_s: float) -> None:
        """Let a process stand still."""
        node = self._nodes[number]
        if node.alive and not node.paused:
            node.pause()
            self._mark("paused", number)
            self.later(lasts_s, lambda: self._go_on(node, "continued"))

    def unplug(self, number: PeerId) -> None:
        """Let a process stand still until it is plugged in: its neighbours see it by its silence."""
        node = self._nodes[number]
        if node.alive and not node.paused:
            node.pause()
            self._mark("left", number)

    def plug(self, number: PeerId) -> None:
        """Let a process go on."""
        self._go_on(self._nodes[number], "back")

    def cut(self, cut: frozenset[Pair]) -> None:
        """Let nothing arrive on these links."""
        self._cut += Counter(cut)
        self._mark("partitioned")
        self._settle()

    def heal(self, cut: frozenset[Pair]) -> None:
        """Undo `cut`."""
        self._cut -= Counter(cut)
        self._mark("healed")
        self._settle()

    def time_passes(self) -> None:
        """Do what is due by now."""
        while self._began_s is not None and self._due and self._due[0][0] <= self._passed_s:
            heapq.heappop(self._due)[2]()

    def start_who_has(self, ended: Collection[PeerId]) -> list[PeerId]:
        """Start those of the `ended` that are to start; returns them."""
        started = [number for number in sorted(self._starting) if number in ended]
        for number in started:
            self._starting.discard(number)
            self._nodes[number].start(fresh=self._forget)
            self._mark("back", number)
        return started

    def may_return(self, number: PeerId) -> bool:
        """Whether it can be that `number`, which has ended, is started again."""
        node = self._nodes[number]
        if number in self._starting:
            return True
        away = (node.killed or node.left) and self._returns[number] > 0
        return away and any(other.alive and other.begun for other in self._nodes)

    def _go_on(self, node: Process, how: str) -> None:
        if node.paused and node.alive:
            node.go_on()
            self._mark(how, node.number)

    def _mark(self, what: str, *peers: PeerId) -> None:
        self._recorder.marked(what, self._now_s(), peers)

    def _settle(self) -> None:
        """Have the links that are cut now be cut, and no others."""
        self._shuttle.cut(self._cut)
        ends = {peer for pair in self._cut for peer in pair}
        for node in self._nodes:
            node.cut = node.number in ends


def _returns(faults: Iterable[Fault], peers: int) -> dict[PeerId, float]:
    """How many times each peer may be started again."""
    returns = dict.fromkeys(range(peers), 0.0)
    for fault in faults:
        if isinstance(fault, Churn | Sessions) and fault.forgets:
            returns = dict.fromkeys(range(peers), math.inf)
        elif isinstance(fault, Back) or (isinstance(fault, Absence) and _comes_anew(fault)):
            returns[fault.peer] += 1
    return returns


def _comes_anew(absence: Absence) -> bool:
    return absence.forgets and absence.returns_s is not None
