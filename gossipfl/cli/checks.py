"""What `gossipfl doctor` finds: one sentence per thing that has to be right before a node runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gossipfl.errors import UserError

if TYPE_CHECKING:
    from gossipfl.experiment.member import Member
    from gossipfl.protocol.identity import Address, Identity, Roster


Found = TypeVar("Found")


class Finding(NamedTuple):
    """One thing that was looked at; the sentence of a bad one says what to do."""

    good: bool
    sentence: str


def examine(path: Path) -> list[Finding]:
    """Look at the node file `path` and all that it names; what cannot be looked at for that is left out."""
    from gossipfl.cli.visits import visit_all
    from gossipfl.experiment.member import read_member
    from gossipfl.experiment.nodefile import read_node_file
    from gossipfl.node.keyfile import load_key
    from gossipfl.node.state import StateFolder
    from gossipfl.node.visit import visitor
    from gossipfl.protocol.identity import fingerprint

    findings: list[Finding] = []

    def check(look: Callable[[], Found], sentence: Callable[[Found], str]) -> Found | None:
        try:
            found = look()
        except UserError as error:
            findings.append(Finding(False, str(error)))
            return None
        findings.append(Finding(True, sentence(found)))
        return found

    file = check(lambda: read_node_file(path), lambda _: f"{path} is a node file.")
    if file is None:
        return findings
    key = check(
        lambda: load_key(path.parent / file.node.key),
        lambda key: f"The key can be read by its owner alone; its fingerprint is {fingerprint(key.key)}.",
    )
    member = check(
        lambda: read_member(path),
        lambda member: (
            f"The data fits the schema: {int(member.train.counts)} rows to train on"
            f"{f', {int(member.test.counts)} to test on' if member.test else ''}, "
            f"{len(member.dataset.feature_names)} features, a model of {member.model.size} numbers."
        ),
    )
    if holder := StateFolder(path.parent / file.node.state).holder:
        findings.append(Finding(True, f"The node runs, as process {holder}, and has its ports."))
    else:
        check(lambda: _try_out(file.node.listen, "node.listen"), lambda at: f"The node can listen on {at}.")
        if (metrics := file.node.metrics) is not None:
            check(lambda: _try_out(metrics, "node.metrics"), lambda at: f"It can be looked at on {at}.")
    if key is None or member is None:
        return findings
    roster = check(lambda: _known(member, key), lambda roster: f"It knows {_count(roster)}.")
    if roster is None:
        return findings
    if not roster.neighbours:
        findings.append(Finding(False, "Add peers with `gossipfl peer add NODE LINE`: it knows nobody yet."))
    return findings + visit_all(visitor(key, roster.name, member.manifest()), roster.neighbours)


def _count(roster: Roster) -> str:
    return "1 peer" if len(roster.neighbours) == 1 else f"{len(roster.neighbours)} peers"


def _known(member: Member, identity: Identity) -> Roster:
    """The node and those whom its file and the list of members, if one holds, make its neighbours."""
    from gossipfl.cli.beginning import among
    from gossipfl.node.membersfile import MembersFolder
    from gossipfl.protocol.council import Council

    council = Council(identity.key, lambda _: None)
    MembersFolder(member.state_path).recall(council)
    return among(member, council, identity.key).roster(identity.key)


def _try_out(text: str, setting: str) -> Address:
    import trio

    from gossipfl.node.handshake import try_out
    from gossipfl.protocol.identity import parse_address

    address = parse_address(text)
    trio.run(try_out, address, setting)
    return address
