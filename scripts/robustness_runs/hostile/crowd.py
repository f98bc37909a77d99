"""A program of its own: it stands at a node's door in so many connections, and comes back when sent away.

`python -m robustness_runs.hostile.crowd PORT HALF_OPEN DRIBBLERS` says "there" once all have been there.
Half-open connections say nothing; dribblers send a byte of a TLS greeting each half second.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

BACK_S = 5.0
"""After so long whoever was sent away comes again."""

DRIBBLE_S = 0.5
PER_ADDRESS = 10
GREETING = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)


def main() -> None:
    """Stand there until killed."""
    port, half_open, dribblers = map(int, sys.argv[1:])
    Crowd(port, half_open, dribblers).stand()


class Crowd:
    """So many connections to a port of the loopback."""

    def __init__(self, port: int, half_open: int, dribblers: int) -> None:
        self._port = port
        self._size = half_open + dribblers
        self._dribbles = range(half_open, half_open + dribblers)
        self._due = dict.fromkeys(range(half_open + dribblers), 0.0)  # who is not there, and when it comes
        self._there: dict[int, socket.socket] = {}
        self._said: dict[int, int] = {}  # how many bytes of its greeting each dribbler has sent
        self._selector = selectors.DefaultSelector()

    def stand(self) -> None:
        """Come, dribble, and come back."""
        told, next_at = False, 0.0
        while True:
            self._come(time.monotonic())
            if not told and len(self._said) == self._size:
                told = True
                print("there", flush=True)
            if time.monotonic() >= next_at:
                next_at = time.monotonic() + DRIBBLE_S
                self._dribble()
            for key, _ in self._selector.select(0.05):
                self._listen(key.data)

    def _come(self, now: float) -> None:
        for number in [number for number, due in self._due.items() if due <= now][:200]:
            source = f"127.1.{number // PER_ADDRESS // 250}.{number // PER_ADDRESS % 250 + 1}"
            try:
                stream = socket.create_connection(("127.0.0.1", self._port), 5, source_address=(source, 0))
            except OSError:
                self._due[number] = now + BACK_S
                continue
            stream.setblocking(False)
            del self._due[number]
            self._there[number], self._said[number] = stream, 0
            self._selector.register(stream, selectors.EVENT_READ, number)

    def _dribble(self) -> None:
        for number in self._dribbles:
            if number in self._there:
                at = self._said[number]
                self._said[number] = at + 1
                try:
                    self._there[number].send(GREETING[at : at + 1])
                except OSError:
                    self._leave(number)

    def _listen(self, number: int) -> None:
        try:
            if self._there[number].recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._leave(number)

    def _leave(self, number: int) -> None:
        stream = self._there.pop(number)
        self._selector.unregister(stream)
        stream.close()
        self._due[number] = time.monotonic() + BACK_S


if __name__ == "__main__":
    main()
