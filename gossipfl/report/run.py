"""A finished run as one value: its settings, records, summary, graph and models, to and from a directory.

Rules:
- A directory is trusted to be ours, not to be whole: what is absent reads as empty and is named in `notes`.
- Numbers that are not finite are written, and read, as null.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Run:
    """What one run left behind.

    `settings` is the resolved experiment; `records` are dictionaries told apart by their `kind`; `graph` is
    `{"names": [...], "edges": [[i, j], ...]}`; `models` maps the names of peers that are judged to
    vectors (d,), and `averaged` is the mean of all peers' (d,): after `load` there are none, for the run
    directory keeps models as safetensors files under `models/`; `notes` are sentences
    about what could not be read.
    """

    settings: dict[str, Any] = field(repr=False)
    records: list[dict[str, Any]] = field(repr=False)
    summary: dict[str, Any]
    graph: dict[str, Any] = field(repr=False)
    models: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    averaged: NDArray[Any] | None = field(default=None, repr=False)
    directory: Path | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, directory: str | Path) -> Run:
        """Read a run directory; `UserError` if it is none, or if a file in it is malformed."""
        folder = Path(directory)
        _check_is_run(folder)
        notes: list[str] = []
        settings = _read_toml(folder / "experiment.toml", notes)
        records = _read_records(folder / "records.jsonl", notes)
        summary = _read_object(folder / "summary.json", notes)
        graph = _read_object(folder / "graph.json", notes)
        return cls(settings, records, summary, graph, directory=folder, notes=notes)

    def save(self, directory: str | Path) -> Path:
        """Write the four files of a run directory, `summary.json` last; returns the directory.

        `UserError` if they cannot be written there.
        """
        import tomli_w

        folder = Path(directory)
        settings = tomli_w.dumps(_without_none(plain(self.settings)))
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "experiment.toml").write_text(settings, encoding="utf-8")
            with (folder / "records.jsonl").open("w", encoding="utf-8") as lines:
                lines.writelines(to_json(record) + "\n" for record in self.records)
            (folder / "graph.json").write_text(to_json(self.graph), encoding="utf-8")
            (folder / "summary.json").write_text(to_json(self.summary, indent=2) + "\n", encoding="utf-8")
        self.directory = folder
        return folder

    @property
    def is_of_one_node(self) -> bool:
        """Whether one node wrote it: peer 0, which knows of the others only whether they are linked to it.

        One that was never stopped has no summary; that it `started` is the first that it writes down.
        """
        if self.summary:
            return self.summary.get("engine") == "node"
        return bool(self.records) and self.records[0].get("kind") == "started"

    @property
    def baseline(self) -> str | None:
        """`local`, `fedavg` or `pooled` if it is no gossip but what there would be in its place."""
        engine = str(self.summary.get("engine"))
        return engine.removeprefix("baseline-") if engine.startswith("baseline-") else None

    @property
    def name(self) -> str:
        """What to call this run: a node's name, else its directory's name or, without one, its own."""
        if self.is_of_one_node:
            names = self.graph.get("names")
            named = self.summary.get("name") or (isinstance(names, list) and names and names[0])
            if named:
                return str(named)
        if self.directory is not None:
            return self.directory.resolve().name
        section = self.settings.get("run")
        return str(section.get("name", "run")) if isinstance(section, dict) else "run"

    def table(self) -> str:
        """The run's key figures as plain text, one per line."""
        from gossipfl.report.table import rows_as_text, summary_rows

        return rows_as_text(summary_rows(self))

    def plot(self, directory: str | Path | None = None) -> Figure | list[Path]:
        """The overview as a matplotlib Figure or, given a directory, every plot as a PNG in it (paths)."""
        from gossipfl.report.plots import overview, write_plots

        if directory is None:
            return overview(self)
        with writing(Path(directory)):
            return write_plots(self, Path(directory))


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """`UserError` for what keeps us from writing to `folder`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder.") from None


def to_json(value: object, indent: int | None = None) -> str:
    """JSON of a value that may hold NumPy numbers, paths, and floats that are not finite (null)."""
    return json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=False)


def plain(value: object) -> Any:
    """The value out of dictionaries, lists, strings, numbers, booleans and None alone."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)


def _without_none(value: Any) -> Any:
    """TOML has no null: an absent key says the same."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value


def _check_is_run(folder: Path) -> None:
    if _is_run(folder):
        return
    if not folder.exists():
        siblings = [path for path in _children(folder.parent) if _is_run(path)]
        near = difflib.get_close_matches(folder.name, [path.name for path in siblings], n=1)
        hint = f"did you mean {folder.parent / near[0]}?" if near else "give the folder that a run wrote."
        raise UserError(f"There is no run directory {folder}; {hint}")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, not a run directory; give the folder that a run wrote.")
    inside = [path for path in _children(folder) if _is_run(path)]
    hint = f"did you mean {inside[0]}?" if inside else "give the folder that a run wrote."
    raise UserError(f"{folder} is not a run directory, for it holds no records.jsonl or summary.json; {hint}")


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("records.jsonl", "summary.json"))


def _children(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _read_text(path: Path, notes: list[str]) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        notes.append(f"{path.name} is absent, so what it would tell is left out.")
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions.") from None


def _read_toml(path: Path, notes: list[str]) -> dict[str, Any]:
    text = _read_text(path, notes)
    try:
        return tomllib.loads(text) if text is not None else {}
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not TOML ({error}); mend it or run the experiment again.") from None


def _read_object(path: Path, notes: list[str]) -> dict[str, Any]:
    text = _read_text(path, notes)
    return _parse(text, str(path)) if text is not None else {}


def _read_records(path: Path, notes: list[str]) -> list[dict[str, Any]]:
    text = _read_text(path, notes) or ""
    lines = text.split("\n")
    torn = lines.pop()  # what follows the last line end: empty, unless the writer was killed
    records = [_parse(line, f"{path} line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    if torn.strip():
        try:
            records.append(_parse(torn, str(path)))
        except UserError:
            notes.append(
                f"The last line of {path.name} is torn, as a killed run leaves it, and was left out."
            )
    return records


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON ({error}); mend it or run the experiment again.") from None
    if not isinstance(value, dict):
        raise UserError(f"{where} is not a JSON object; mend it or run the experiment again.")
    return value
