"""The harm of a soak: each time one kind, drawn from a seed, done to real processes.

Rules:
- Only nodes that are `mortal` lose their process; all others live from the first minute to the last, so that
  what grows slowly is seen.
- Whatever is done is undone before the next harm.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gossipfl.cli.process import Process
from gossipfl.cli.shuttle import Pair
from gossipfl.protocol.identity import Address
from robustness_runs.consortium import Consortium

AWAY_S = 5.0
PAUSES_S = (3.0, 9.0)
CUT_S = 10.0
STRANGERS = 32
"""At each node at once, half of which say nothing and half of which say rubbish."""

STRANGERS_S = 8.0
RUBBISH_BYTES = 4096
STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done, when it began and when it was undone, in seconds."""

    kind: str
    began_s: float
    ended_s: float


class Nemesis:
    """Does harm to a `consortium` whose nodes listen at `doors`; `wait_s` lets time pass meanwhile."""

    def __init__(
        self,
        consortium: Consortium,
        doors: list[Address],
        mortal: range,
        seed: int,
        wait_s: Callable[[float], None],
    ) -> None:
        self._consortium = consortium
        self._doors = doors
        self._mortal = mortal
        self._random = random.Random(seed)  # noqa: S311  harm, no secret
        self._wait_s = wait_s
        self._kinds = {
            "killed": self._kill,
            "left": self._leave,
            "paused": self._pause,
            "cut off": self._cut_one,
            "halves": self._cut_halves,
            "strangers": self._send_strangers,
        }
        self._left: list[str] = []  # of the kinds, before each comes again

    def strike(self, now_s: Callable[[], float]) -> Harm:
        """Do the next harm, and undo it."""
        if not self._left:
            self._left = self._random.sample(sorted(self._kinds), len(self._kinds))
        kind, began_s = self._left.pop(), now_s()
        self._kinds[kind]()
        return Harm(kind, began_s, now_s())

    def _kill(self) -> None:
        node = self._victim()
        node.kill()
        self._restart(node)

    def _leave(self) -> None:
        node = self._victim()
        node.leave()
        self._restart(node)

    def _victim(self) -> Process:
        return self._consortium.nodes[self._random.choice(self._mortal)]

    def _restart(self, node: Process) -> None:
        self._wait_s(AWAY_S)
        while node.alive:
            self._wait_s(STEP_S)
        node.start()

    def _pause(self) -> None:
        node = self._random.choice(self._consortium.nodes)
        node.pause()
        self._wait_s(self._random.choice(PAUSES_S))
        node.go_on()

    def _cut_one(self) -> None:
        one = self._random.randrange(len(self._consortium.nodes))
        self._cut(lambda pair: one in pair)

    def _cut_halves(self) -> None:
        peers = range(len(self._consortium.nodes))
        half = set(self._random.sample(peers, len(peers) // 2))
        self._cut(lambda pair: (pair[0] in half) is not (pair[1] in half))

    def _cut(self, crosses: Callable[[Pair], bool]) -> None:
        peers = range(len(self._consortium.nodes))
        self._consortium.shuttle.cut({(a, b) for a in peers for b in peers if a != b and crosses((a, b))})
        self._wait_s(CUT_S)
        self._consortium.shuttle.cut(())

    def _send_strangers(self) -> None:
        with contextlib.ExitStack() as stack:
            for door in self._doors:
                for number in range(STRANGERS):
                    stack.enter_context(_stranger(door, rubbish=number % 2 == 1))
            self._wait_s(STRANGERS_S)


@contextlib.contextmanager
def _stranger(door: Address, *, rubbish: bool) -> Iterator[None]:
    with socket.create_connection((door.host, door.port), timeout=1.0) as connection:
        if rubbish:
            with contextlib.suppress(OSError):  # it was shown the door
                connection.sendall(os.urandom(RUBBISH_BYTES))
        yield
