"""`gossipfl stress`: a grid of experiments, and a report on how they hold up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gossipfl.cli.console import AsJson, print_json, progress_bar, screen
from gossipfl.cli.run import Sets, next_folder
from gossipfl.errors import RunError

if TYPE_CHECKING:
    from gossipfl.report.stress.result import Stress

File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A TOML file with [stress], or a preset, such as dropped-peers."),
]


def stress(
    file: File = None,
    sets: Sets = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds each cell runs with.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="How many runs at a time; as many as there are processors if not given."),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE>=NUMBER", help="What every cell must reach; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write; a campaign that was stopped there goes on."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on in the last folder, or keep what a changed grid shares with it."
        ),
    ] = False,
    as_json: AsJson = False,
    listed: Annotated[bool, typer.Option("--list", help="List the presets, and end.")] = False,
) -> None:
    """Run a grid of faults and choices, and report how it holds up; status 1 if a requirement is missed.

    Examples:

    `gossipfl stress`

    `gossipfl stress dropped-peers --seeds 10`

    `gossipfl stress my.toml --require "accuracy_worst >= 0.9" --require "drop <= 1%"`

    `gossipfl stress my.toml --out report` (the same again goes on where it was stopped)

    `gossipfl stress --list`

    FILE is an experiment with a section [stress]: its axes give labels to settings, and every combination of
    labels is a cell that runs with each seed.
    """
    if listed:
        _print_presets(as_json)
        return
    from gossipfl.campaign.run import run_campaign
    from gossipfl.experiment.stress import read_campaign
    from gossipfl.report.stress.files import write_stress

    campaign = read_campaign(file, sets or (), seeds=seeds, require=require or ())
    folder = out or _folder(Path("runs") / (Path(campaign.name).name or "stress"), resume)
    command = _command(file, sets, seeds, require)
    with _stopped_in_words(folder), progress_bar(f"{campaign.name}: {len(campaign.cells)} cells") as progress:
        found = run_campaign(
            campaign, folder, workers=workers, resume=resume, command=command, progress=progress
        )
    page = write_stress(found, folder)
    _finish(found, page, as_json)


def _finish(found: Stress, page: Path, as_json: bool) -> None:
    from gossipfl.report.stress.sentences import complaint, diverged_cells, verdicts

    if as_json:
        print_json({**found.as_json(), "report": page})
    else:
        console = screen()
        console.print(found.table(), markup=False, soft_wrap=True)
        console.print("\n" + "\n".join(verdicts(found)), markup=False, soft_wrap=True)
        console.print(f"\nReport: {page}", markup=False, soft_wrap=True)
    for words in diverged_cells(found):
        typer.echo(f"gossipfl: warning: {words}", err=True)
    if not found.met:
        raise RunError(f"{complaint(found)} See {page}.")


def _print_presets(as_json: bool) -> None:
    from gossipfl.experiment.files import presets

    known = {name: _about(path) for name, path in presets().items()}
    if as_json:
        print_json(known)
        return
    width = max(map(len, known), default=0)
    for name, about in known.items():
        typer.echo(f"{name:<{width}}  {about}")


def _about(path: Path) -> str:
    """The sentence with which a preset begins."""
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def _folder(first: Path, resume: bool) -> Path:
    """A new folder, or the last that there is."""
    new = next_folder(first)
    if not resume or not first.exists():
        return new
    number = int(new.name.rpartition("-")[2]) - 1
    return first if number == 1 else first.with_name(f"{first.name}-{number}")


def _command(file: str | None, sets: list[str] | None, seeds: int | None, require: list[str] | None) -> str:
    import shlex

    words = ["gossipfl", "stress", *([file] if file else [])]
    for text in sets or []:
        words += ["--set", text]
    words += [] if seeds is None else ["--seeds", str(seeds)]
    for text in require or []:
        words += ["--require", text]
    return shlex.join(words)


@contextmanager
def _stopped_in_words(folder: Path) -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, and say where the campaign can go on."""

    def stop(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"gossipfl: What is done is kept; the same command with --out {folder} goes on.", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
