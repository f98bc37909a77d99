"""All who write down what happens to a node, as one: its audit log and its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossipfl.cli.journal import Journal
    from gossipfl.cli.voice import Say
    from gossipfl.node.audit import AuditLog
    from gossipfl.node.links import Refusal
    from gossipfl.node.runner import Record
    from gossipfl.protocol.identity import Neighbour
    from gossipfl.protocol.membership import MemberList


class Chronicle:
    """The `audit` log and the `journal`: each is told what concerns it."""

    def __init__(self, audit: AuditLog, journal: Journal, say: Say) -> None:
        self.audit = audit
        self.journal = journal
        self._say = say

    def refuse(self, refusal: Refusal) -> None:
        """Somebody broke a rule, on a link or at the door."""
        self.audit.refuse(refusal)
        self.journal.refuse(*refusal)

    def saw(self, record: Record) -> None:
        """Something happened to the node."""
        self.audit.saw(record)
        self.journal.saw(record)

    def enlist(self, neighbour: Neighbour) -> None:
        """There is a new neighbour."""
        self.audit.enlist(neighbour)
        self.journal.enlist(neighbour)

    def listed(self, current: MemberList) -> None:
        """From now on this list of members holds."""
        self.audit.listed(current)
        names = sorted(peer.name for peer in current.members.values())
        self._say(f"the list of members with the serial number {current.serial} holds: {', '.join(names)}")
