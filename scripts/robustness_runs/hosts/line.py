"""A bad line between two tap devices: a process that passes on frames late, or not at all.

It works where the kernel has no netem. It makes both devices, says READY, and ends when its input does.

Rules:
- A frame is lost or delayed by itself; with a jitter, later ones overtake, as on real lines.
- What waits is bounded: a full line loses what comes.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import os
import random
import select
import struct
import sys
import time
from dataclasses import dataclass
from itertools import count

READY = b"ready"
WAITING_MAX = 10_000
FRAME_BYTES_MAX = 1 << 16
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


@dataclass(frozen=True, slots=True)
class Line:
    """Each way it loses this share of all frames, and delays others by `delay_s`, give or take `jitter_s`."""

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0

    def words(self) -> list[str]:
        """It, as arguments."""
        return [str(self.loss), str(self.delay_s), str(self.jitter_s)]


def carry(line: Line, one: int, other: int, ends: int) -> None:
    """Pass on frames between the descriptors `one` and `other` until there is an end to read from `ends`."""
    draws, order = random.Random(0), count()  # noqa: S311  no secret
    waiting: list[tuple[float, int, int, bytes]] = []  # when it is due, where it goes, what it is
    while True:
        due_in_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([one, other, ends], [], [], due_in_s)
        if ends in ready:
            return
        now = time.monotonic()
        for source in ready:
            frame = os.read(source, FRAME_BYTES_MAX)
            if draws.random() >= line.loss and len(waiting) < WAITING_MAX:
                due = now + max(0.0, line.delay_s + draws.uniform(-line.jitter_s, line.jitter_s))
                heapq.heappush(waiting, (due, next(order), other if source == one else one, frame))
        while waiting and waiting[0][0] <= now:
            _, _, to, frame = heapq.heappop(waiting)
            _pass_on(to, frame)


def _pass_on(to: int, frame: bytes) -> None:
    with contextlib.suppress(OSError):  # the device is down, as when a cable is pulled: the frame is lost
        os.write(to, frame)


def _tap(name: str) -> int:
    """A new tap device; it lives as long as the descriptor."""
    import fcntl  # which Windows has not, where this file is read all the same

    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


def main() -> None:
    """Be the line that the command says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("line", nargs=3, type=float)
    given = parser.parse_args()
    one, other = _tap(given.one), _tap(given.other)
    sys.stdout.buffer.write(READY + b"\n")
    sys.stdout.flush()
    carry(Line(*given.line), one, other, sys.stdin.fileno())


if __name__ == "__main__":
    main()
