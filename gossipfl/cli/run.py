"""`gossipfl simulate` and `gossipfl up`: one experiment, in virtual time or as real processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gossipfl.cli.console import AsJson, print_json, progress_bar, screen
from gossipfl.errors import RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.experiment.settings import Experiment
    from gossipfl.report import Run

PEERS_QUICK_MAX = 5_000
"""Above this the network in virtual time takes minutes."""

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
    file: File = None, sets: Sets = None, seed: Seed = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Run an experiment in virtual time, in this process, the same numbers every time.

    Examples:

    `gossipfl simulate`

    `gossipfl simulate ring-16 --seed 7`

    `gossipfl simulate my.toml --set topology.kind=torus --set learning.rounds=50 --json`

    `gossipfl simulate runs/ring-16/experiment.toml --out again`
    """
    from gossipfl.api import check_moments, run_network, save_run
    from gossipfl.experiment.federation import build

    experiment = _experiment(file, sets, seed)
    federation = build(experiment)
    check_moments(federation)
    folder = _new_folder(out, experiment)
    if federation.peers > PEERS_QUICK_MAX:
        typer.echo(f"{federation.peers} peers: this will take minutes.", err=True)
    with progress_bar(f"{experiment.run.name}: {federation.peers} peers") as progress:
        run = run_network(federation, progress=progress)
    run.summary["command"] = _command("simulate", file, sets, seed)
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
    """
    from gossipfl.api import save_run
    from gossipfl.cli.cluster import check_cluster, run_cluster
    from gossipfl.experiment.federation import build

    experiment = _experiment(file, [*(sets or []), *_kills(kill or [])], seed)
    federation = build(experiment)
    check_cluster(federation)
    folder = _new_folder(out, experiment)
    run = run_cluster(federation, folder)
    run.summary["command"] = _command("up", file, sets, seed, kill)
    save_run(run, federation, folder)
    _finish(run, folder, as_json)


def _experiment(file: str | None, sets: list[str] | None, seed: int | None) -> Experiment:
    from gossipfl.experiment.files import read_experiment

    overrides = [*(sets or []), *([] if seed is None else [f"run.seed={seed}"])]
    return read_experiment(file, overrides)


def _kills(moments: list[str]) -> list[str]:
    """`--kill` as the setting that it stands for."""
    from gossipfl.experiment.settings import MOMENT

    for text in moments:
        if not MOMENT.fullmatch(text):
            raise SettingsError(f'--kill takes PEER@ROUND, such as 2@5, not "{text}".')
    return [f"faults.kill={moments}"] if moments else []


def _new_folder(out: Path | None, experiment: Experiment) -> Path:
    """Make the folder asked for, or the first of runs/NAME, runs/NAME-2, ... that is not there yet."""
    folder = out or _next_folder(Path("runs") / (Path(experiment.run.name).name or "run"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsError(f"{folder} is not empty: choose another --out, or delete it first.")
        (folder / "models").mkdir()
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written ({error.strerror}): choose another --out.") from None
    return folder


def _next_folder(first: Path) -> Path:
    number, folder = 1, first
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder


def _command(
    verb: str, file: str | None, sets: list[str] | None, seed: int | None, kill: list[str] | None = None
) -> str:
    """The command that repeats a run."""
    import shlex

    words = ["gossipfl", verb, *([file] if file else [])]
    for text in sets or []:
        words += ["--set", text]
    for moment in kill or []:
        words += ["--kill", moment]
    return shlex.join([*words, *([] if seed is None else ["--seed", str(seed)])])


def _finish(run: Run, folder: Path, as_json: bool) -> None:
    from gossipfl.report import write_report

    page = write_report(folder)
    if as_json:
        print_json(run.summary)
    else:
        console = screen()
        console.print(run.table(), markup=False)
        console.print(f"\nReport: {page}", markup=False, soft_wrap=True)
    if not run.summary["finished"]:
        raise RunError(f"No peer finished its rounds; see the records in {folder}.")
