"""`gossipfl simulate` and `gossipfl up`: one experiment, in virtual time or as real processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gossipfl.cli.console import AsJson, print_json, progress_bar, screen
from gossipfl.errors import RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.settings import Experiment
    from gossipfl.report import Run

MESSAGE_S = 30e-6
"""About what a message costs in the network in virtual time."""

LONG_S = 120.0
"""Who would wait so long is told of the crowd."""

File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A TOML file, or the name of a bundled experiment, such as ring-8."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting; may be repeated."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of all random draws; the same seed, the same run.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A new or empty folder to write to; the next runs/NAME if not given."),
]


def simulate(
    file: File = None,
    sets: Sets = None,
    seed: Seed = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="network: messages in virtual time; crowd: all peers at once, far faster."
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="crowd: keep its state in files there, for more than memory holds."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="In the place of gossip: local, fedavg or pooled; all: beside it."),
    ] = None,
    participation: Annotated[
        float, typer.Option(metavar="FRACTION", help="fedavg: how many of the peers a round asks.")
    ] = 1.0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Run an experiment in this process, the same numbers every time.

    Examples:

    `gossipfl simulate`

    `gossipfl simulate ring-16 --seed 7`

    `gossipfl simulate my.toml --set topology.kind=torus --set learning.rounds=50 --json`

    `gossipfl simulate runs/ring-16/experiment.toml --out again`

    The network runs the peers that run on sockets, message by message in virtual time, with every fault. The
    crowd computes the same models without messages, for up to a million peers:

    `gossipfl simulate crowd-1000`

    `gossipfl simulate crowd-1000 --set topology.peers=100000`

    `gossipfl simulate ring-16 --engine crowd`

    Baselines answer what a server, or no cooperation, would have given the same peers: `local`, each trains
    alone; `fedavg`, a server averages what peers train; `pooled`, one model on the rows of all.

    `gossipfl simulate ring-16 --baseline all`

    `gossipfl simulate ring-16 --baseline fedavg --participation 0.25`
    """
    from gossipfl.cli.baselines import ALL, GOSSIP, check_baseline, check_scratch, run_one, side_by_side
    from gossipfl.engines import check_moments, save_run
    from gossipfl.experiment.federation import build

    experiment = _experiment(file, [*(sets or []), *([f"run.engine={engine}"] if engine else [])], seed)
    check_scratch(scratch, experiment, baseline)
    with progress_bar(f"{experiment.run.name}: data and graph"):
        federation = build(experiment)
    check_moments(federation)
    check_baseline(baseline, experiment, participation)
    name = experiment.run.name + (f"-{baseline}" if baseline else "")
    folder = _new_folder(out, name, GOSSIP if baseline == ALL else "models")
    if baseline is None:
        _warn_if_long(federation)
    command = _command(
        "simulate", file, sets, seed, engine=engine, baseline=baseline, participation=participation
    )
    if baseline == ALL:
        with _unless_ended(folder):
            runs = side_by_side(federation, participation, folder, command, as_json)
        for run in runs.values():
            refuse_diverged(run)
        return
    with _unless_ended(folder):
        run = run_one(federation, baseline, participation, scratch)
    run.summary["command"] = command
    save_run(run, federation, folder)
    _finish(run, folder, as_json)


def up(
    file: File = None,
    sets: Sets = None,
    kill: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PEER@ROUND", help="Send SIGKILL to a peer when it reaches a round; repeatable."
        ),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Run an experiment for real: every peer a process of its own on this machine, with its own key and TLS.

    Examples:

    `gossipfl up ring-8`

    `gossipfl up ring-8 --kill 2@15 --kill 5@15`

    `gossipfl up ring-8 --kill 2@10 --set 'faults.restart=["2@15"]'`

    The faults of the experiment befall the processes: they are stopped, slowed down, cut off from others.

    `gossipfl up partition-16`

    `gossipfl up ring-8 --set 'faults.pause=["2@5+8"]' --set network.training_s=0.2`
    """
    from gossipfl.cli.cluster import check_cluster, run_cluster
    from gossipfl.engines import save_run
    from gossipfl.experiment.federation import build

    experiment = _experiment(file, [*(sets or []), *_kills(kill or [])], seed)
    federation = build(experiment)
    check_cluster(federation)
    folder = _new_folder(out, experiment.run.name)
    run = run_cluster(federation, folder)
    run.summary["command"] = _command("up", file, sets, seed, kill)
    save_run(run, federation, folder)
    _finish(run, folder, as_json)


def _experiment(file: str | None, sets: list[str] | None, seed: int | None) -> Experiment:
    from gossipfl.experiment.files import read_experiment

    overrides = [*(sets or []), *([] if seed is None else [f"run.seed={seed}"])]
    return read_experiment(file, overrides)


def _warn_if_long(federation: Federation) -> None:
    """Name the crowd to whoever is about to wait for a network of very many messages."""
    experiment = federation.experiment
    if experiment.run.engine != "network" or experiment.gossip.exchange is not None:
        return
    messages_s = 2 * len(federation.topology.edges) * experiment.learning.rounds * MESSAGE_S
    if messages_s > LONG_S:
        typer.echo(
            f"{federation.peers} peers: the messages alone will take about {messages_s / 60:.0f} minutes; "
            "--engine crowd does without them.",
            err=True,
        )


def _kills(moments: list[str]) -> list[str]:
    """`--kill` as the setting that it stands for."""
    from gossipfl.experiment.adversity import MOMENT

    for text in moments:
        if not re.fullmatch(MOMENT, text):
            raise SettingsError(f'--kill takes PEER@ROUND, such as 2@5, not "{text}".')
    return [f"faults.kill={moments}"] if moments else []


def _new_folder(out: Path | None, name: str, first: str = "models") -> Path:
    """Make the folder asked for, or the first of runs/NAME, runs/NAME-2, ... that is not there yet.

    `first` is a folder in it, made at once, so that a long run does not end where nothing can be written. A
    run that was killed leaves it, empty, which keeps no other away.
    """
    folder = out or next_folder(Path("runs") / (Path(name).name or "run"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(path.name != first or not path.is_dir() or any(path.iterdir()) for path in folder.iterdir()):
            raise SettingsError(f"{folder} is not empty: choose another --out, or delete it first.")
        (folder / first).mkdir(exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written ({error.strerror}): choose another --out.") from None
    return folder


@contextmanager
def _unless_ended(folder: Path) -> Iterator[None]:
    """Take back the `folder` of a run that fails or is interrupted before anything is written there."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something is written there
            for made in (*folder.iterdir(), folder, folder.parent):
                made.rmdir()
        raise


def next_folder(first: Path) -> Path:
    """The first of NAME, NAME-2, ... that is not there yet."""
    number, folder = 1, first
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder


def _command(
    verb: str,
    file: str | None,
    sets: list[str] | None,
    seed: int | None,
    kill: list[str] | None = None,
    engine: str | None = None,
    baseline: str | None = None,
    participation: float = 1.0,
) -> str:
    """The command that repeats a run."""
    import shlex

    words = ["gossipfl", verb, *([file] if file else [])]
    for text in sets or []:
        words += ["--set", text]
    for moment in kill or []:
        words += ["--kill", moment]
    words += ["--engine", engine] if engine else []
    words += ["--baseline", baseline] if baseline else []
    words += ["--participation", str(participation)] if participation != 1.0 else []
    return shlex.join([*words, *([] if seed is None else ["--seed", str(seed)])])


def _finish(run: Run, folder: Path, as_json: bool) -> None:
    from gossipfl.report import write_report

    try:
        with progress_bar("Report"):
            page = write_report(folder)
    except KeyboardInterrupt:
        typer.echo(f"gossipfl: The run is whole; `gossipfl report {folder}` goes on.", err=True)
        raise
    if as_json:
        print_json(run.summary)
    else:
        console = screen()
        console.print(run.table(), markup=False)
        console.print(f"\nReport: {page}", markup=False, soft_wrap=True)
    if not run.summary["finished"]:
        raise RunError(f"No peer finished its rounds; see the records in {folder}.")
    refuse_diverged(run)


def refuse_diverged(run: Run) -> None:
    """Say that models diverged, and raise `RunError`, as a node would, unless somebody attacked.

    Then it is a result. The models of those who attack do not count.
    """
    from gossipfl.report.table import diverged_sentence

    words = diverged_sentence(run)
    if words and not run.summary.get("attackers"):
        raise RunError(words)
    if words:
        typer.echo(f"gossipfl: warning: {words}", err=True)
