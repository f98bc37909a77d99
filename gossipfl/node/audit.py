"""The audit log of a node: what left it, to whom, and who was refused, in one chain over all its lives.

- `started`: name, key, fingerprint, boot epoch and the digest of the manifest; `stopped`. Both are signed.
- `sent`: an update leaves on the link `to` a neighbour that has proved its key, named by its `fingerprint`;
  its round, its sequence on that link, and the bytes and the BLAKE2b-256 digest of its payload. The line is
  written before the first byte leaves, so that a crash hides nothing; `cut-off` says that not all of it left.
- `refused`: the `source`, a neighbour's name or a stranger's address, the `fingerprint` of the key that it
  proved, which a stranger's is null, the reason, and how many `times` since the last such line.
- `quarantined`: who, why, and for how many seconds; null for the rest of the run.
- `members`: another list of members holds, of this `serial` and `digest`; `listed` are their fingerprints.
- `mended`: what a crash had torn at the end was put `aside`. `lost`: so many entries could not be written.

Control frames (greetings, rounds begun, digests that neighbours compare) hold no model and are not told.

Rules:
- Lines are written at once: a process that is killed loses none. They are flushed to the disk each second, at
  the start and at the stop: a power cut can lose the lines of the last second, or of as long as a disk hung.
- A chain cannot prove that its end was not cut off. So the last hash is told at the stop, to be noted
  elsewhere, and each start and stop signs all lines before it: who has not the key can only cut the log back,
  or change what came after the last signature while the node did not run.
- Others cannot fill the disk: see `tallies`. Strangers, however many, cost some 3 MB a day, and a neighbour
  12 kB a day for each rule that it breaks; what is sent costs some 390 bytes for each update.
- A disk that is full, or a file that cannot be written, is told once and never stops the node.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gossipfl.node.chainfile import ChainFile, open_file
from gossipfl.node.leaving import Leaving
from gossipfl.node.links import Refusal
from gossipfl.node.tallies import Refusals, Tallies
from gossipfl.protocol.events import Quarantined, Refused
from gossipfl.protocol.identity import Identity, Neighbour, Roster, fingerprint
from gossipfl.protocol.membership import MemberList

SYNC_S = 1.0
"""Flushing takes milliseconds, in a thread of its own; an operator can spare a second. Our guess."""

LAST_SYNC_S = 30.0
"""How long a node that ends waits for its disk. Our guess."""


class AuditLog:
    """The log in `path` of the node `own`, which knows `roster`; what an operator must know goes to `say`."""

    def __init__(
        self,
        path: Path,
        own: Identity,
        roster: Roster,
        say: Callable[[str], None],
        *,
        opened: Callable[[Path], io.FileIO] = open_file,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._whoami = {"name": roster.name, "key": own.key.hex(), "fingerprint": fingerprint(own.key)}
        self._names = {peer.number: peer.name for peer in roster.neighbours}
        self._prints = {peer.key: fingerprint(peer.key) for peer in roster.neighbours}
        self._named = {peer.name: self._prints[peer.key] for peer in roster.neighbours}
        self._say = say
        self._now_s = now_s
        self._lines = ChainFile(path, own, say, opened)
        self._tallies = Tallies(self._tell)
        self._lock = threading.Lock()

    @contextmanager
    def kept(self, epoch: int, manifest_hash: bytes) -> Iterator[AuditLog]:
        """This log, kept while the node lives, in its boot `epoch`."""
        self._lines.begin("started", **self._whoami, epoch=epoch, manifest=manifest_hash.hex())
        self._lines.sync()
        over = threading.Event()

        def sync() -> None:
            while not over.wait(SYNC_S):
                self.sync()
            self._lines.sync()

        flushing = threading.Thread(
            target=sync, name="audit", daemon=True
        )  # where a disk hangs, it hangs alone
        flushing.start()
        try:
            yield self
        finally:
            self._stop()
            over.set()
            flushing.join(LAST_SYNC_S)
            if (head := self._lines.close()) is not None:
                told = f"the audit log {self._path} ends with line {head.seq} and the hash {head.hash}"
                self._say(f"{told}: note it, to see later that nothing was cut off")

    def enlist(self, peer: Neighbour) -> None:
        """`peer` is a neighbour from now on."""
        self._names[peer.number] = peer.name
        self._prints[peer.key] = fingerprint(peer.key)

    def listed(self, members: MemberList) -> None:
        """This list of members holds from now on."""
        prints = [fingerprint(key) for key in members.members]
        self._lines.write("members", serial=members.serial, digest=members.digest.hex(), listed=prints)

    def leaves(self, leaving: Leaving) -> None:
        """An update is about to leave the node, or was cut off while it left."""
        self._lines.write(
            "cut-off" if leaving.cut_off else "sent",
            to=leaving.to.name,
            fingerprint=self._prints[leaving.to.key],
            round=leaving.round,
            sequence=leaving.sequence,
            bytes=leaving.body_bytes,
            digest=leaving.digest.hex(),
        )

    def refuse(self, refusal: Refusal) -> None:
        """Somebody broke a rule, on a link or at the door."""
        member = refusal.peer is not None
        source = self._names[refusal.peer] if refusal.peer is not None else refusal.who
        with self._lock:
            self._tallies.count(source, refusal.reason, refusal.detail, self._now_s(), member=member)

    def saw(self, record: object) -> None:
        """Something happened to the node: what concerns this log is told."""
        match record:
            case Refused(sender, reason):
                with self._lock:
                    self._tallies.count(self._names[sender], reason, "", self._now_s(), member=True)
            case Quarantined(peer, why, for_s):
                seconds = for_s if for_s < math.inf else None
                self._lines.write("quarantined", who=self._names[peer], reason=why, for_s=seconds)

    def sync(self) -> None:
        """Tell the counts that are due, and flush to the disk what is not there yet."""
        with self._lock:
            self._tallies.tell_due(self._now_s())
        self._lines.sync()

    def _stop(self) -> None:
        with self._lock:
            self._tallies.tell_due(self._now_s(), all_of_them=True)
        self._lines.write("stopped", signed=True)

    def _tell(self, refusals: Refusals) -> None:
        source, reason, detail, times, member = refusals
        shown = self._named.get(source) if member else None  # of a stranger no key is proved
        self._lines.write(
            "refused", source=source, fingerprint=shown, reason=reason, detail=detail, times=times
        )
