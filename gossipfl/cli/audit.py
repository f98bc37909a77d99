"""`gossipfl audit verify`: what a node sent to whom, and whether its log was changed since."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gossipfl.cli.console import AsJson, print_json
from gossipfl.errors import UserError

if TYPE_CHECKING:
    from gossipfl.report.account import Account

app = typer.Typer(no_args_is_help=True, help="Check what a node wrote down of what left it.")

_HASH = re.compile(r"[0-9a-f]{64}")


@app.callback()
def _audit() -> None:
    pass


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An audit.jsonl, or the folder that holds it.")
    ],
    key: Annotated[
        str | None, typer.Option(help="The node's public key: every start must be signed by it.")
    ] = None,
    noted: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash noted at a stop: a line must still have it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no line of an audit log was changed, removed, moved or inserted, and count what it tells.

    The exit status is 0 if the log is whole, and 1 if it is broken: then the first broken line is named. For
    lines after the last signature, and against a cut at the very end, only a noted hash can vouch.

    Examples:

    `gossipfl audit verify hospital-a/state`

    `gossipfl audit verify audit.jsonl --key 54f9... --noted 0c14... --json`
    """
    from gossipfl.protocol.identity import parse_key
    from gossipfl.report.account import account

    if noted is not None and not _HASH.fullmatch(noted):
        raise UserError(f"Give the noted hash {noted[:80]!r} as 64 lower-case hex digits.")
    expected = parse_key(key) if key is not None else None
    found = _log(path)
    try:
        with found.open("rb") as file:
            told = account(file, expected, noted or "")
    except OSError as error:
        raise UserError(f"Give an audit log that can be read instead of {found}: {error.strerror}.") from None
    if as_json:
        print_json(told.facts())
    else:
        typer.echo("\n".join(_words(found, told)))
    if told.broken:
        raise typer.Exit(1)


def _log(path: Path) -> Path:
    """The audit log that `path` is, or that lies there in a node's folder or its state folder."""
    from gossipfl.node.state import AUDIT

    for log in (path, path / AUDIT, path / "state" / AUDIT):
        if log.is_file():
            return log
    raise UserError(f"Give an audit log, or the state folder of a node, instead of {path}: there is none.")


def _words(path: Path, told: Account) -> list[str]:
    lines = [f"{path} is broken at {told.broken}" if told.broken else f"{path} is whole"]
    if not told.head.seq:
        return lines
    lines.append(
        f"{told.head.seq} lines{' before that' * bool(told.broken)}, from {told.first} to {told.last}"
    )
    signers = ", ".join(told.signers) or "nobody"
    lines.append(f"signed up to line {told.signed_to} by {signers}: compare with `gossipfl key show`")
    if unsigned := told.head.seq - told.signed_to:
        lines.append(f"the last {unsigned} of them are not signed yet: the node runs, or it was killed")
    lines.append(f"last hash {told.head.hash}")
    lines.append(f"{told.starts} starts, {told.stops} stops")
    for peer, sent in told.sent.items():
        cut = f"; {sent.cut_off} of them were cut off" if sent.cut_off else ""
        low, high = sent.rounds
        lines.append(
            f"sent {sent.updates} updates of {sent.bytes:,} bytes in all to {peer}, of rounds {low} to "
            f"{high}, from {sent.first} to {sent.last}{cut}"
        )
    for source, reasons in told.refused.items():
        listed = ", ".join(f"{count} for {reason}" for reason, count in reasons.most_common())
        lines.append(f"refused {reasons.total()} of {source}: {listed}")
    lines += [f"shut out {who}: {count} times" for who, count in told.quarantined.items()]
    if told.lost:
        lines.append(f"{told.lost} entries could not be written")
    if told.torn_bytes:
        lines.append(f"{told.torn_bytes} bytes were torn by a crash and put aside")
    return lines
