"""One life of a node: its peer, its links and its council are put together and run until it ends."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from typing import Any

from gossipfl.cli.beginning import Beginning, among, begin
from gossipfl.cli.chronicle import Chronicle
from gossipfl.cli.journal import Journal
from gossipfl.cli.outcome import left_behind
from gossipfl.cli.pages import pages
from gossipfl.cli.slowness import slowed
from gossipfl.cli.solitude import told_alone
from gossipfl.cli.vitals import Vitals, vitals
from gossipfl.cli.voice import Say
from gossipfl.errors import RunError, SettingsError
from gossipfl.experiment.member import Member
from gossipfl.node.assembly import Assembly
from gossipfl.node.audit import AuditLog
from gossipfl.node.handshake import try_out
from gossipfl.node.keeping import Keeping
from gossipfl.node.links import Links
from gossipfl.node.membersfile import MembersFolder
from gossipfl.node.runner import run
from gossipfl.node.state import AUDIT, StateFolder
from gossipfl.node.window import window
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import Identity, Roster
from gossipfl.protocol.memory import Memory
from gossipfl.protocol.session import Speaker


async def live(
    member: Member, identity: Identity, folder: StateFolder, fresh: bool, say: Say
) -> dict[str, Any]:
    """Live in `folder`, which is held, until the run is over or stopped; returns its summary.

    If it is to be a `fresh` life, what an earlier one left is put aside, unless this one cannot begin.

    Raises `SettingsError` if it cannot begin, and `RunError` if nothing can be written at its end.
    """
    council = Council(identity.key, lambda words: say(f"warning: {words}"))
    members = MembersFolder(folder.path)
    members.recall(council)
    listed = member.roster(identity.key).neighbours
    member = among(member, council, identity.key)
    roster = _roster(member, identity)
    await _refuse_taken(member)
    if fresh and (aside := folder.put_aside()):
        say(f"begins anew; what was in {folder.path} is in {aside}")
    beginning = begin(member, identity, folder)
    journal = Journal(member, roster, lambda: links.spoken, say)
    chronicle = Chronicle(AuditLog(folder.path / AUDIT, identity, roster, say), journal, say)
    assembly = Assembly(
        council,
        members,
        identity,
        listed,
        member.whereabouts,
        chronicle.enlist,
        chronicle.listed,
        say,
        grows=member.grows,
    )
    speaker = Speaker(identity, roster.name, beginning.epoch, beginning.manifest)
    links = Links(
        speaker,
        roster,
        member.listen,
        chronicle.refuse,
        chronicle.audit.leaves,
        assembly,
        council.current.gone if council.current else frozenset(),
        say_again=member.speaks_alike,
    )
    journal.began(beginning.epoch, beginning.memory)
    journal.warn(*beginning.complaints)
    names = [peer.name for peer in roster.neighbours]
    words = f"{roster.name} at {member.listen} looks for {', '.join(names)}"
    say(words, "started", name=roster.name, epoch=beginning.epoch, neighbours=names)
    try:
        finished, diverged = await _run(member, identity, roster, beginning, links, chronicle, assembly), ""
    except RunError as error:
        finished, diverged = False, str(error)
    finally:
        journal.judge(journal.round, beginning.peer.model)
        journal.close()
    facts = {"finished": int(finished), "diverged": diverged}
    return left_behind(member, beginning.peer.model, journal, facts, say)


async def _run(
    member: Member,
    identity: Identity,
    roster: Roster,
    beginning: Beginning,
    links: Links,
    chronicle: Chronicle,
    assembly: Assembly,
) -> bool:
    """Run the peer to its end; returns whether it finished by itself. Raises `RunError` if it diverged."""
    peer, journal, number = beginning.peer, chronicle.journal, member.number(identity.key)

    def fit(vector: Any, round: int, drift: Any) -> Any:
        journal.judge(round - 1, vector)
        return member.fit(number, vector, round, drift)

    def kept(memory: Memory) -> None:
        journal.warn(*filter(None, [beginning.keep(memory)]))

    def look() -> Vitals:
        return vitals(roster, beginning.epoch, member.file.learning.rounds, journal, links, peer.sights)

    losses, keeping = partial(member.losses, number), Keeping(peer.memory, kept)
    seen = window(member.metrics, pages(look)) if member.metrics else nullcontext()
    with chronicle.audit.kept(beginning.epoch, beginning.manifest.hash):
        async with seen, told_alone(lambda: journal.waits, journal.tell_alone):
            return await run(peer, links, slowed(fit, os.environ), chronicle.saw, losses, keeping, assembly)


async def _refuse_taken(member: Member) -> None:
    """Raise `SettingsError` if another process has a port of the node."""
    await try_out(member.listen, "node.listen")
    if member.metrics:
        await try_out(member.metrics, "node.metrics")


def _roster(member: Member, identity: Identity) -> Roster:
    roster = member.roster(identity.key)
    if not roster.neighbours:
        raise SettingsError("The node knows no peers: add them with `gossipfl peer add NODE LINE`.")
    return roster
