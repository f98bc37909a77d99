"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from gossipfl.cli import (
    algorithms,
    audit,
    data,
    key,
    node,
    peer,
    predict,
    report,
    run,
    status,
    stress,
    topology,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Federated learning without the server: peers train, sign, gossip and average models.

    Try it: `gossipfl simulate ring-16`, then `gossipfl up ring-8 --kill 2@5`.

    Take part: `gossipfl init hospital-a --csv a.csv --target y --listen 192.0.2.1:7400`.
    """,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gossipfl {version('gossipfl')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("simulate")(run.simulate)
app.command("up")(run.up)
app.command("stress")(stress.stress)
app.command("report")(report.report)
app.command("init")(node.init)
app.add_typer(peer.app, name="peer")
app.command("node")(node.node)
app.command("status")(status.status)
app.command("doctor")(node.doctor)
app.add_typer(audit.app, name="audit")
app.add_typer(key.app, name="key")
app.add_typer(data.app, name="data")
app.add_typer(topology.app, name="topology")
app.command("algorithms")(algorithms.algorithms)
app.command("predict")(predict.predict)
