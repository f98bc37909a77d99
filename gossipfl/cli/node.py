"""`gossipfl init | node | doctor`: one organisation's node."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.cli.journal import Journal
    from gossipfl.cli.vitals import Vitals
    from gossipfl.cli.voice import Say
    from gossipfl.experiment.member import Member
    from gossipfl.node.links import Refusal
    from gossipfl.node.runner import Record
    from gossipfl.node.state import StateFolder
    from gossipfl.protocol.identity import Identity, Neighbour, Roster
    from gossipfl.protocol.membership import MemberList
    from gossipfl.protocol.memory import Memory

NodePath = Annotated[Path, typer.Argument(metavar="NODE", help="A node's folder, or the node.toml in it.")]


def init(
    name: Annotated[str, typer.Argument(help="What the others will call this node, such as hospital-a.")],
    csv: Annotated[Path, typer.Option(help="The table that this node learns from; it stays where it is.")],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the others reach this node.")],
    schema: Annotated[
        Path | None, typer.Option(help="The schema.json that all nodes share; made if --target is given.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column to predict, where there is no schema.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The node's folder; NAME if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a node's folder, with its key and its file, and print the one line that the others paste.

    Examples:

    `gossipfl init hospital-a --csv a.csv --target died --listen 192.0.2.1:7400`

    `gossipfl init hospital-b --csv b.csv --schema schema.json --listen 192.0.2.2:7400`
    """
    from gossipfl.cli.folder import make_folder

    folder = out or Path(name)
    line = make_folder(folder, name, csv, listen, schema, target)
    if as_json:
        print_json({"folder": folder, "line": line, "schema": folder / "schema.json"})
        return
    console = screen(as_json=True)
    console.print(f"Made {folder} with a key, a schema and node.toml.", markup=False)
    if schema is None:
        console.print(f"Send {folder / 'schema.json'} to the others: all nodes share it.", markup=False)
    console.print("They add this node with: gossipfl peer add THEIR-NODE LINE, where LINE is", markup=False)
    typer.echo(line)


def node(
    path: NodePath = Path(),
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Begin anew. What an earlier run left is moved into state/before-1, -2, ..."
        ),
    ] = False,
    as_json: AsJson = False,
    json_log: Annotated[
        bool, typer.Option("--json-log", help="Say what happens as lines of JSON on standard error.")
    ] = False,
) -> None:
    """Run a node until its rounds are done, or until it is stopped by Ctrl-C or SIGTERM.

    Examples:

    `gossipfl node hospital-a`

    `gossipfl node hospital-a/node.toml --json > result.json`

    `gossipfl node hospital-a --fresh`

    `gossipfl node hospital-a --json-log 2>> hospital-a.jsonl`

    Its model, records and summary lie in the folder `state` beside its file; `gossipfl report` reads them.

    A checkpoint of each round lies there too. Whatever ended the node, be it a crash or a power cut, the same
    command goes on after its last round. A checkpoint of other settings is refused; with --fresh the node
    begins anew, and what was there is put aside, not deleted. With a full disk the node goes on without
    checkpoints, and says so. The folder serves one process at a time.
    """
    from gossipfl.cli import lifeline
    from gossipfl.cli.voice import last_words, to_machines, to_people

    lifeline.hold(os.environ)
    with last_words(to_machines) if json_log else nullcontext():
        summary = _summary(path, fresh, to_machines if json_log else to_people)
        if as_json:
            print_json(summary)
        if summary["diverged"]:
            raise RunError(summary["diverged"])


def _summary(path: Path, fresh: bool, say: Say) -> dict[str, Any]:
    """Run the node at `path`; the summary of its run."""
    import trio

    from gossipfl.experiment.member import read_member
    from gossipfl.experiment.nodefile import node_path
    from gossipfl.node.keyfile import load_key
    from gossipfl.node.state import StateFolder

    member = read_member(node_path(path))
    identity, folder = load_key(member.key_path), StateFolder(member.state_path)
    with folder.held():
        if fresh and (aside := folder.put_aside()):
            say(f"begins anew; what was in {folder.path} is in {aside}")
        _refuse_finished(member)
        return trio.run(_live, member, identity, folder, say)


def doctor(path: NodePath = Path(), as_json: AsJson = False) -> None:
    """Check a node before it runs: key, data, schema, port, and whether its peers are who they should be.

    The exit status is 0 if all is well and 1 if there is something to mend.

    Example: `gossipfl doctor hospital-a`
    """
    from gossipfl.cli.checks import examine
    from gossipfl.experiment.nodefile import node_path

    findings = examine(node_path(path))
    if as_json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        console = screen()
        for finding in findings:
            mark = "[green]ok[/green]  " if finding.good else "[red]mend[/red]"
            console.print(mark, end=" ")
            console.print(finding.sentence, markup=False, soft_wrap=True)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def _refuse_finished(member: Member) -> None:
    """Raise `SettingsError` if this run is over: to run it again would write over what it learned."""
    import json

    try:
        summary = json.loads((member.state_path / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(summary, dict) and summary.get("finished"):
        raise SettingsError(
            f"{member.state_path} holds a run that is finished: run the node again with --fresh, which puts "
            "it aside, or name another node.state."
        )


async def _live(member: Member, identity: Identity, folder: StateFolder, say: Say) -> dict[str, Any]:
    """The node's whole life; returns the summary of its run."""
    from gossipfl.cli.beginning import begin
    from gossipfl.cli.journal import Journal
    from gossipfl.cli.pages import pages
    from gossipfl.cli.slowness import slowed
    from gossipfl.cli.vitals import vitals
    from gossipfl.node.assembly import Assembly, neighbours_by
    from gossipfl.node.audit import AuditLog
    from gossipfl.node.keeping import Keeping
    from gossipfl.node.links import Links
    from gossipfl.node.membersfile import MembersFolder
    from gossipfl.node.runner import run
    from gossipfl.node.state import AUDIT
    from gossipfl.node.window import window
    from gossipfl.protocol.council import Council
    from gossipfl.protocol.session import Speaker

    council, members = (
        Council(identity.key, lambda words: say(f"warning: {words}")),
        MembersFolder(folder.path),
    )
    members.recall(council)
    listed = member.roster(identity.key).neighbours
    if member.grows:
        member = member.beside(neighbours_by(listed, council.current, identity.key))
    roster = _roster(member, identity)
    began = time.monotonic()
    number = member.number(identity.key)
    peer, epoch, manifest, memory, complaints, keep = begin(member, identity, folder)
    speaker = Speaker(identity, roster.name, epoch, manifest)
    audit = AuditLog(folder.path / AUDIT, identity, roster, say)

    def refuse(refusal: Refusal) -> None:
        audit.refuse(refusal)
        journal.refuse(*refusal)

    def saw(record: Record) -> None:
        audit.saw(record)
        journal.saw(record)

    def enlist(neighbour: Neighbour) -> None:
        audit.enlist(neighbour)
        journal.enlist(neighbour)

    def note(current: MemberList) -> None:
        audit.listed(current)
        names = sorted(peer.name for peer in current.members.values())
        say(f"the list of members with the serial number {current.serial} holds: {', '.join(names)}")

    assembly = Assembly(council, members, listed, enlist, note, say, grows=member.grows)
    barred = council.current.revoked | council.current.departed if council.current else frozenset[bytes]()
    links = Links(
        speaker,
        roster,
        member.listen,
        refuse,
        audit.leaves,
        assembly,
        barred,
        say_again=member.speaks_alike,
    )
    journal = Journal(member, roster, lambda: links.spoken, say)
    journal.began(epoch, memory)
    journal.warn(*complaints)

    def kept(memory: Memory) -> None:
        journal.warn(*filter(None, [keep(memory)]))

    def fit(vector: Any, round: int, drift: Any) -> Any:
        journal.judge(round - 1, vector)
        return member.fit(number, vector, round, drift)

    def look() -> Vitals:
        return vitals(roster, epoch, member.file.learning.rounds, journal, links, peer.sights)

    names = [peer.name for peer in roster.neighbours]
    words = f"{roster.name} at {member.listen} looks for {', '.join(names)}"
    say(words, "started", name=roster.name, epoch=epoch, neighbours=names)
    diverged = ""
    try:
        losses, keeping = partial(member.losses, number), Keeping(peer.memory, kept)
        seen = window(member.metrics, pages(look)) if member.metrics else nullcontext()
        with audit.kept(epoch, manifest.hash):
            async with seen:
                finished = await run(peer, links, slowed(fit, os.environ), saw, losses, keeping, assembly)
    except RunError as error:
        finished, diverged = False, str(error)
    finally:
        journal.judge(journal.round, peer.model)
        journal.close()
    facts = {
        "finished": int(finished),
        "diverged": diverged,
        "refused": dict(links.refused + journal.refused),
        **journal.regards(),
        "wall_s": time.monotonic() - began,
    }
    return _left_behind(member, peer.model, journal, facts, say)


def _roster(member: Member, identity: Identity) -> Roster:
    roster = member.roster(identity.key)
    if not roster.neighbours:
        raise SettingsError("The node knows no peers: add them with `gossipfl peer add NODE LINE`.")
    return roster


def _left_behind(
    member: Member, vector: Any, journal: Journal, facts: dict[str, Any], say: Say
) -> dict[str, Any]:
    """Write the model and the summary of the run, and return the summary."""
    from gossipfl.experiment.modelfile import Explanation, save_model
    from gossipfl.report import to_json

    model = member.state_path / "model.safetensors"
    metric = "accuracy" if member.dataset.classes else "r2"
    summary = {
        "engine": "node",
        "name": member.file.node.name,
        "peers": len(member.file.peer) + 1,
        "rounds": member.file.learning.rounds,
        "round": journal.round,
        "metric": metric,
        f"{metric}_mean": journal.metrics.get(metric),
        **member.defence.record(),
        **journal.traffic(),
        **facts,
        "seed": member.file.run.seed,
        "model": str(model),
        "out": str(member.state_path),
    }
    try:
        if journal.round or not model.exists():  # what an earlier run learned outlives one that never began
            save_model(model, vector, Explanation.of(member.file.model, member.dataset, member.model))
        (member.state_path / "summary.json").write_text(to_json(summary, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise RunError(f"{model} cannot be written ({error.strerror}): free some space, run again.") from None
    ended = "finished" if summary["finished"] else "stopped"
    absent = f" without {', '.join(journal.never_seen)}" if journal.never_seen else ""
    words = f"{ended} in round {journal.round}{absent}; the model is {model}"
    say(words, ended, round=journal.round, absent=journal.never_seen, model=model)
    return summary
