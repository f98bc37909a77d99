"""How commands print: words and progress on standard error or output, JSON alone on standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def screen(as_json: bool = False) -> Console:
    """Where words go: standard output, or standard error if that is kept for JSON."""
    from rich.console import Console

    return Console(stderr=as_json, highlight=False)


def print_json(value: object) -> None:
    """One JSON value on standard output."""
    from gossipfl.report import to_json

    typer.echo(to_json(value))


@contextmanager
def progress_bar(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while the block runs, moved by `(done, total)`; none if that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
