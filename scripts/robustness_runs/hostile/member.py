"""Whoever has a key that others list, and says over its socket what it likes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from gossipfl.experiment.member import read_member
from gossipfl.learn.contracts import Array
from gossipfl.node.keyfile import load_key
from gossipfl.node.tls import Credentials
from gossipfl.protocol.identity import Address
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Happening, Parted, Session, Speaker
from gossipfl.protocol.wire import Rejection

PATIENCE_S = 15.0
PIECE_BYTES = 65_536


class Seat:
    """The place in a run of the node whose folder is `home`."""

    def __init__(self, home: Path) -> None:
        member = read_member(home / "node.toml")
        self.identity = load_key(member.key_path)
        self.name, self.where, self.vector = member.file.node.name, member.listen, member.start()
        self.manifest = member.manifest()
        self.others = [peer.key for peer in member.roster(self.identity.key).neighbours]

    def speaker(self, epoch: int, run: str | None = None) -> Speaker:
        """What it says of itself, perhaps as if of another `run`."""
        terms = self.manifest if run is None else replace(self.manifest, run_id=run.encode().ljust(16)[:16])
        return Speaker(self.identity, self.name, epoch, terms)

    def update(self, epoch: int, round_: int, sequence: int, vector: Array | None = None) -> Update:
        """An update in due form."""
        said = self.vector if vector is None else vector
        return Update(round_, epoch, sequence, samples=10, degree=3, payload=(np.array(said),))

    @contextmanager
    def line(self, to: Seat, epoch: int) -> Iterator[Line]:
        """A connection to the node of another seat, that has greeted."""
        context = Credentials(self.identity, [to.identity.key]).context(server=False)
        with context.wrap_socket(dial(to.where)) as stream:
            session = Session(self.speaker(epoch), to.identity.key, dialled=True)
            stream.sendall(session.hello())
            yield Line(stream, session)


class Line:
    """A connection on which anything can be said."""

    def __init__(self, stream: ssl.SSLSocket, session: Session) -> None:
        self.session = session
        self._stream = stream

    def say(self, *pieces: bytes) -> None:
        """Say `pieces`, as far as the other side still takes them."""
        try:
            for piece in pieces:
                self._stream.sendall(piece)
        except OSError:
            pass  # it has parted: that is heard

    def hear(self, seconds: float = PATIENCE_S) -> Iterator[Happening]:
        """What the other side says, until it closes, or says nothing for so many `seconds`."""
        self._stream.settimeout(seconds)
        try:
            while data := self._stream.recv(PIECE_BYTES):
                yield from self.session.receive(data)
        except OSError:
            return

    def verdict(self, seconds: float = PATIENCE_S) -> str:
        """The reason for which the other side closes the link; empty if it does not."""
        for happening in self.hear(seconds):
            if isinstance(happening, Parted):
                return happening.rejection.reason if isinstance(happening.rejection, Rejection) else "goodbye"
        return ""


def dial(to: Address, source: str = "127.0.0.1") -> socket.socket:
    """A bare connection from the address `source` of the loopback."""
    return socket.create_connection(tuple(to), PATIENCE_S, source_address=(source, 0))
