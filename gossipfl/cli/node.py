"""`gossipfl init | node | doctor`: one organisation's node."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.cli.voice import Say
    from gossipfl.experiment.member import Member

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

    from gossipfl.cli.life import live
    from gossipfl.experiment.member import read_member
    from gossipfl.experiment.nodefile import node_path
    from gossipfl.node.keyfile import load_key
    from gossipfl.node.state import StateFolder

    member = read_member(node_path(path))
    identity, folder = load_key(member.key_path), StateFolder(member.state_path)
    with folder.held():
        if not fresh:
            _refuse_finished(member)
        return trio.run(live, member, identity, folder, fresh, say)


def doctor(path: NodePath = Path(), as_json: AsJson = False) -> None:
    """Check a node: key, data, schema, ports, and whether its peers are who they should be and let it in.

    It may run meanwhile; its peers then see a visit, and nothing changes for them.

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
    from gossipfl.cli.outcome import finished

    if finished(member.state_path):
        raise SettingsError(
            f"{member.state_path} holds a run that is finished: run the node again with --fresh, which puts "
            "it aside, or name another node.state."
        )
