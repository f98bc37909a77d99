"""Checkpoints for tests: small, and with something of everything in them."""

from __future__ import annotations

import numpy as np
from hosts import IDENTITIES, manifest, update

from gossipfl.learn.contracts import Payload
from gossipfl.node.checkpoint import Checkpoint, Terms, encode
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.memory import LinkMemory, Memory, Place
from gossipfl.protocol.messages import Proof
from gossipfl.protocol.notary import read_statement
from gossipfl.protocol.reputation import Offences
from gossipfl.protocol.wire import encode_update

ONE, TWO, *_ = IDENTITIES
STATE: Payload = (np.arange(3.0), np.asarray(2.5), np.array([[1, 2]], np.float32))
TOLD: Payload = (np.array([1, 2, 3], np.float32),)
HELD: Payload = (np.array([4, 5, 6], np.float32),)
TERMS = Terms(ONE.key, manifest().digests, layout_of(STATE), layout_of(TOLD))


def proof() -> Proof:
    """That the second of all identities said two things of one round."""
    said = (encode_update(TWO, manifest(), update(4, vector=np.full(650, x, np.float32))) for x in (1, 2))
    return Proof(*(read_statement(header) for header, _ in said))


def memory(round_: int = 7) -> Memory:
    return Memory(
        round_,
        (STATE[0] + round_, *STATE[1:]),
        {5: Place(9, 3, 7), 1 << 31: Place((1 << 63) - 1, 1 << 40, 1)},
        (LinkMemory(5, (9, 4), (TOLD, HELD)), LinkMemory(6, (), (HELD, TOLD, TOLD))),
        (proof(),),
        late=True,
        offences=(Offences(5, 4, "signature", 12.5), Offences(6, 1, "layout", 0.0)),
    )


def bytes_of(kept: Memory, *, generation: int = 1, epoch: int = 2, terms: Terms = TERMS) -> bytes:
    return b"".join(bytes(piece) for piece in encode(Checkpoint(generation, epoch, kept), terms))


def same(one: Memory, other: Memory) -> bool:
    """Whether two memories say the same, array by array and bit by bit."""
    return _facts(one) == _facts(other) and _bits(one) == _bits(other)


def _facts(kept: Memory) -> Memory:
    return kept._replace(state=(), links=tuple(link._replace(payloads=()) for link in kept.links))


def _bits(kept: Memory) -> list[list[tuple[str, bytes]]]:
    payloads = [kept.state, *(payload for link in kept.links for payload in link.payloads)]
    return [[(part.dtype.str, part.tobytes()) for part in payload] for payload in payloads]
