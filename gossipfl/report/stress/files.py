"""The report of a campaign on disk: stress.html, stress.json and the plots."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from gossipfl.report.run import to_json, writing
from gossipfl.report.stress.fans import fans
from gossipfl.report.stress.heat import heat_map, pairs, told
from gossipfl.report.stress.page import stress_page
from gossipfl.report.stress.result import Stress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_stress(stress: Stress, out: Path) -> Path:
    """Write the report on `stress` to the folder `out`; the path of its page. Raises `UserError`."""
    heat = [(_png(heat_map(stress, *pair)), told(stress, *pair)) for pair in pairs(stress)]
    curves = [(_png(figure), finding) for _, figure, finding in fans(stress)]
    page = stress_page(stress, heat, curves)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "stress.json").write_text(to_json(stress.as_json(), indent=2) + "\n", encoding="utf-8")
        (out / "stress.html").write_text(page, encoding="utf-8")
    return out / "stress.html"


def write_stress_plots(stress: Stress, directory: Path) -> list[Path]:
    """Every plot as a PNG in `directory`; their paths."""
    drawn = [
        (f"heat-{rows}-{columns}".rstrip("-"), heat_map(stress, rows, columns))
        for rows, columns in pairs(stress)
    ]
    drawn += [(name, figure) for name, figure, _ in fans(stress)]
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{name}.png" for name, _ in drawn]
        for path, (_, figure) in zip(paths, drawn, strict=True):
            path.write_bytes(_png(figure))
    return paths


def _png(figure: Figure) -> bytes:
    data = BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
