"""`gossipfl peer add | remove | revoke | found | sign | list`: whom a node knows, and who is a member.

Rules:
- Where no list of members holds, the node's file says whom it knows, and commands edit it.
- Where one does, commands propose, and what is proposed holds once as many members have signed as the list
  asks for. Nothing is copied from node to node by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json

app = typer.Typer(no_args_is_help=True, help="Tell a node whom it knows, and who belongs to the consortium.")

NodePath = Annotated[Path, typer.Argument(metavar="NODE", help="A node's folder, or the node.toml in it.")]
Instead = Annotated[
    bool,
    typer.Option("--instead", help="In the place of what this node proposed before, and waits to be signed."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the member is called.")]


@app.command()
def add(
    path: NodePath,
    lines: Annotated[
        list[str], typer.Argument(metavar="LINE...", help="Lines that `gossipfl init` printed elsewhere.")
    ],
    instead: Instead = False,
    as_json: AsJson = False,
) -> None:
    """Add the nodes that others' lines tell of: to this node's file, or to the list of members if one holds.

    A member that is listed already gets the address of its line.

    Example: `gossipfl peer add hospital-a hospital-b@192.0.2.2:7400#9f3c...`
    """
    from gossipfl.cli.ballot import Ballot
    from gossipfl.cli.folder import add_peers
    from gossipfl.protocol.identity import parse_neighbour

    ballot = Ballot(path)
    if ballot.current is not None:
        _tell(ballot.propose(added=[parse_neighbour(line) for line in lines], instead=instead), as_json)
        return
    added, changed = add_peers(ballot.path, lines)
    if as_json:
        print_json({"added": added, "changed": changed})
        return
    for did, names in (("Added", added), ("Changed", changed)):
        if names:
            typer.echo(f"{did} {', '.join(names)}, from when the node is started again.")


@app.command()
def remove(path: NodePath, name: Name, instead: Instead = False, as_json: AsJson = False) -> None:
    """Remove a node that leaves in peace: from this node's file, or from the list of members if one holds.

    It may be added again one day.

    Example: `gossipfl peer remove hospital-a hospital-c`
    """
    _without(path, name, as_json, revoked=False, instead=instead)


@app.command()
def revoke(path: NodePath, name: Name, instead: Instead = False, as_json: AsJson = False) -> None:
    """Revoke the key of a node, for good: it was stolen, or its holder must not take part any more.

    Without a list of members, the node is removed from this node's file, and from no other.

    Example: `gossipfl peer revoke hospital-a hospital-c`
    """
    _without(path, name, as_json, revoked=True, instead=instead)


@app.command()
def found(
    path: NodePath,
    quorum: Annotated[int, typer.Option(min=1, help="How many members must sign a change of the list.")],
    instead: Instead = False,
    as_json: AsJson = False,
) -> None:
    """Found a list of members: this node, and all that its file names. Each of them signs it once.

    Example: `gossipfl peer found hospital-a --quorum 2`
    """
    from gossipfl.cli.ballot import Ballot

    _tell(Ballot(path).found(quorum, instead=instead), as_json)


@app.command()
def sign(
    path: NodePath,
    which: Annotated[
        str, typer.Argument(metavar="[CHANGE]", help="Its first letters in `gossipfl peer list`.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Sign what others propose, or take the list of members that a neighbour offers.

    Look at it first, with `gossipfl peer list`, and compare the fingerprints over the telephone.

    Example: `gossipfl peer sign hospital-b`
    """
    from gossipfl.cli.ballot import Ballot

    _tell(Ballot(path).sign(which), as_json)


@app.command("list")
def list_(path: NodePath = Path(), as_json: AsJson = False) -> None:
    """Show the list of members, as this node holds it, and what is proposed.

    Example: `gossipfl peer list hospital-a`
    """
    from gossipfl.cli.ballot import Ballot

    shown = Ballot(path).shown()
    if as_json:
        print_json(shown)
        return
    if shown["serial"]:
        typer.echo(
            f"{shown['consortium']}, list {shown['serial']}: {len(shown['members'])} members, of whom "
            f"{shown['quorum']} must sign a change"
        )
    else:
        typer.echo("No list of members holds; the node's file names:")
    for one in shown["members"] or shown["listed"]:
        moved = f" (listed at {one['listed']})" * (one["listed"] != one["address"])
        typer.echo(f"  {one['name']}  {one['address']}{moved}  {one['fingerprint']}")
    for one in shown["revoked"]:
        typer.echo(f"  revoked: {one['name']}  {one['fingerprint']}")
    for one in shown["proposed"]:
        typer.echo(f"Proposed {one['change']}: {one['words']}; signed by {', '.join(one['signers'])}")


def _without(path: Path, name: str, as_json: bool, *, revoked: bool, instead: bool) -> None:
    from gossipfl.cli.ballot import Ballot
    from gossipfl.cli.folder import remove_peer

    ballot = Ballot(path)
    if ballot.current is not None:
        keys = [ballot.key_of(name)]
        told = ballot.propose(
            removed=() if revoked else keys, revoked=keys if revoked else (), instead=instead
        )
        _tell(told, as_json)
        return
    remove_peer(ballot.path, name)
    if as_json:
        print_json({"removed": [name]})
    else:
        typer.echo(f"Removed {name}, from when the node is started again.")


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    state = "holds" if told["holds"] else f"needs {told['missing']} more to sign it with `gossipfl peer sign`"
    typer.echo(f"{told['change']}: {told['words']}. It {state}.")
