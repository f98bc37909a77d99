"""What all peers of a run must agree on, as digests that can be compared section by section."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from gossipfl.protocol.layout import Layout

PROTOCOL_VERSION = 6
DIGEST_BYTES = 16
HASH_BYTES = 32
SECTIONS_MAX = 24
SECTION_NAME_MAX = 32

Digests = tuple[tuple[str, bytes], ...]
"""(section, digest of 16 bytes), in the order of the sections."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The terms of a run. `hash` stands for all of them, `run_id` for the run's name alone."""

    rounds: int
    layout: Layout
    whole: Layout
    digests: Digests
    run_id: bytes
    hash: bytes

    @classmethod
    def of(
        cls, run: str, rounds: int, layout: Layout, whole: Layout | None = None, **sections: object
    ) -> Manifest:
        """The terms of `run`; `sections` are what JSON can hold: model, schema, learning.

        `layout` is that of an update, `whole` that of a whole one, where the two differ.
        """
        whole = whole or layout
        arrays = [
            [list(shape), dtype.newbyteorder("<").str] for part in (layout, whole) for shape, dtype in part
        ]
        terms = {"run": run, "protocol": PROTOCOL_VERSION, "rounds": rounds, "layout": arrays, **sections}
        digests = tuple((name, _digest(value, DIGEST_BYTES)) for name, value in terms.items())
        terms_hash = _digest([[name, digest.hex()] for name, digest in sorted(digests)], HASH_BYTES)
        return cls(rounds, layout, whole, digests, digests[0][1], terms_hash)


def differences(mine: Digests, theirs: Digests) -> tuple[str, ...]:
    """The sections that the two do not share, in my order and then in theirs."""
    own, other = dict(mine), dict(theirs)
    return tuple(name for name in {**own, **other} if own.get(name) != other.get(name))


def _digest(value: object, size: int) -> bytes:
    """A digest of `value` as canonical JSON: sorted keys, no spaces, ASCII, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode("ascii"), digest_size=size).digest()
