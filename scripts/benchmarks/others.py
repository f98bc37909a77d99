"""What does not train: the wire, and the start of a process."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from benchmarks.task import Task, repeated


def wire(_: int) -> Task:
    """Sign, frame, parse and verify one update of 4 MB between two sessions."""
    from gossipfl.protocol.identity import Identity
    from gossipfl.protocol.layout import layout_of
    from gossipfl.protocol.manifest import Manifest
    from gossipfl.protocol.messages import Update
    from gossipfl.protocol.session import Session, Speaker

    payload = (np.ones(1_000_000, np.float32),)
    manifest = Manifest.of("bench", 10, layout_of(payload))
    one, other = (Speaker(Identity.new(), name, 1, manifest) for name in ("one", "other"))
    dialler = Session(one, other.identity.key, dialled=True)
    acceptor = Session(other, one.identity.key, dialled=False)
    list(acceptor.receive(dialler.hello()))
    list(dialler.receive(acceptor.accept()))

    def send() -> None:
        outgoing = dialler.update(Update(1, 1, 1, 1, 1, payload))
        list(acceptor.receive(dialler.offer(outgoing, 1)))
        for piece in outgoing.rest(0):
            list(acceptor.receive(piece))

    return Task(repeated(send), bytes=payload[0].nbytes)


def start(_: int, *words: str) -> Task:
    """The processor time of a fresh interpreter with these arguments, or all its time where nobody tells."""

    def once() -> float:
        before = _children_s()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        return _children_s() - before

    return Task(lambda _: [once() for _ in range(3)])


def _children_s() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
