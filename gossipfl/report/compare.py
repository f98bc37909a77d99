"""Several runs side by side: their key figures, the settings that differ, and their curves on one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from gossipfl.errors import UserError
from gossipfl.report.choices import CHOICES, choices
from gossipfl.report.curves import curves_of
from gossipfl.report.overlay import COMPARED_MAX, overlays
from gossipfl.report.page import document, figures, flat, notes, table
from gossipfl.report.run import Run
from gossipfl.report.style import DPI
from gossipfl.report.table import summary_rows
from gossipfl.report.verdicts import APART
from gossipfl.report.words import NOTHING, on_one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HASH_SHOWN = 12


def load_runs(directories: Sequence[str | Path]) -> list[Run]:
    """The runs to compare; `UserError` if there are too few or too many to tell apart."""
    if not 2 <= len(directories) <= COMPARED_MAX:
        raise UserError(
            f"A comparison takes 2 to {COMPARED_MAX} run directories, not {len(directories)}; name as many."
        )
    return [Run.load(directory) for directory in directories]


def titles(runs: Sequence[Run]) -> list[str]:
    """A name for each run, with a number where two share one."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [f"{i} {name}" for i, name in enumerate(names, 1)]


def differences(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """(`section.key`, value in each run) for the settings in which the runs differ.

    That a baseline does not hear a setting is no difference: there it reads as nothing.
    """
    settings = [dict(flat(run.settings)) for run in runs]
    keys = dict.fromkeys(key for each in settings for key in each if key)
    rows = [(key, *(each.get(key, NOTHING) for each in settings)) for key in keys]
    return [row for row in rows if len(_heard(runs, row)) > 1]


def choice_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """(label, value in each run) of what was chosen, where those that chose differ."""
    found = [choices(run) for run in runs]
    rows = [(label, *(each.get(label, NOTHING) for each in found)) for label in CHOICES]
    return [row for row in rows if len(set(row[1:]) - {NOTHING}) > 1]


def compared_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """(label, value in each run): the choices in which they differ, and every key figure that any has."""
    found = [dict(_shorter(row) for row in summary_rows(run)) for run in runs]
    figures = [(label, *(each.get(label, NOTHING) for each in found)) for label in _merged(found)]
    return [*choice_rows(runs), *figures]


def _merged(orders: Iterable[Iterable[str]]) -> list[str]:
    """All labels, each after the one that it follows in the first of `orders` that has it."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for label in order:
            if label not in merged:
                merged.insert(place, label)
            place = merged.index(label) + 1
    return merged


def _shorter(row: tuple[str, str]) -> tuple[str, str]:
    """In columns, the beginning of a hash tells as much as the whole."""
    label, value = row
    return label, value[:_HASH_SHOWN] if label == "Trace hash" else value


def cautions(runs: Sequence[Run]) -> list[str]:
    """What must be known before the runs are held against one another."""
    return [APART] if any(run.is_of_one_node for run in runs) else []


def columns_as_text(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of as many cells as headings, in aligned columns."""
    lines = [[on_one_line(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
    return "\n".join(
        "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in lines
    )


def compared_plots(runs: Sequence[Run]) -> list[tuple[bytes, str]]:
    """(PNG, what it shows) of each plot of the runs on one another."""
    return [(_png(figure), told) for figure, told in overlays(titles(runs), [curves_of(r) for r in runs])]


def sheet(pictures: Sequence[bytes]) -> bytes:
    """PNGs of one size on one PNG, two in a row."""
    from PIL import Image

    tiles = [Image.open(BytesIO(png)) for png in pictures]
    width, height = tiles[0].size
    whole = Image.new("RGB", (2 * width, (len(tiles) + 1) // 2 * height), "white")
    for i, tile in enumerate(tiles):
        whole.paste(tile, (i % 2 * width, i // 2 * height))
    data = BytesIO()
    whole.save(data, format="png", dpi=(DPI, DPI))
    return data.getvalue()


def comparison_page(runs: Sequence[Run], pictures: Sequence[tuple[bytes, str]]) -> str:
    """The comparison as one HTML file around the plots of `compared_plots`."""
    names = titles(runs)
    differ = differences(runs)
    parts = [
        f'<p class="lead">{escape(", ".join(names))}</p>',
        *(f'<p class="note">{escape(words)}</p>' for words in cautions(runs)),
        *(note for run in runs for note in notes(run)),
        "<h2>Key figures</h2>",
        table(("", *names), compared_rows(runs)),
        "<h2>What happened</h2>",
        figures(pictures),
        "<h2>Settings that differ</h2>",
        table(("", *names), differ, marked=True) if differ else f"<p>{_alike(runs)}</p>",
    ]
    return document(f"{len(runs)} runs compared", parts)


def _heard(runs: Sequence[Run], row: Sequence[str]) -> set[str]:
    """The values of a setting in those runs that hear it; gossip without one leaves it at nothing."""
    return {value for run, value in zip(runs, row[1:], strict=True) if value != NOTHING or not run.baseline}


def _alike(runs: Sequence[Run]) -> str:
    if any(run.baseline for run in runs):
        return "None, but for those that a baseline does not hear."
    return "None: all settings are the same."


def _png(figure: Figure) -> bytes:
    data = BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
