"""Reads experiments: TOML files, `--set section.key=value`, and the ones that come with the package.

Rules:
- Whatever is wrong is said in one sentence that names the key and, where there is one, the nearest known.
- A path inside a file is relative to that file; a run is named after its file unless the file names it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.settings import Experiment

DEFAULT = "ring-8"
FILE_BYTES_MAX = 1 << 20

Settings = TypeVar("Settings", bound=BaseModel)

_PATHS = {"topology": ("file",), "data": ("file", "schema", "test_file")}


def bundled() -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    package = Path(__file__).parent.parent
    folders = (package / "topologies", package.parent / "topologies")
    found = next((folder for folder in folders if folder.is_dir()), None)
    return {path.stem: path for path in sorted(found.glob("*.toml"))} if found else {}


def read_experiment(name: str | Path | None = None, sets: Iterable[str] = ()) -> Experiment:
    """The experiment in the file `name`, or the bundled one of that name; `DEFAULT` for None.

    `sets` are overrides such as "learning.rounds=20". Raises `SettingsError`.
    """
    path = _find(str(name or DEFAULT))
    table = read_toml(path)
    _resolve_paths(table, path.parent)
    if isinstance(table.setdefault("run", {}), dict):
        table["run"].setdefault("name", path.stem)
    for text in sets:
        _override(table, text)
    return validate(Experiment, table, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SettingsError(f"{path} is larger than {FILE_BYTES_MAX:,} bytes: is it a settings file?")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"There is no file {path}: check its name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read ({error}): check that it is a readable text file."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None


def validate(model: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """`table` as `model`. Raises `SettingsError` for the first thing that is wrong."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_sentence(model, error)}") from None


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return path
    known = bundled()
    if name in known:
        return known[name]
    raise SettingsError(f'There is no experiment "{name}", as a file or by name: {instead(name, known)}')


def _resolve_paths(table: dict[str, Any], folder: Path) -> None:
    for section, keys in _PATHS.items():
        values = table.get(section, {})
        for key in keys:
            if isinstance(values, dict) and isinstance(values.get(key), str):
                values[key] = str(folder / values[key])


def _override(table: dict[str, Any], text: str) -> None:
    name, equals, value = text.partition("=")
    parts = name.strip().split(".")
    if not equals or len(parts) != 2 or not all(parts):
        raise SettingsError(f'--set takes section.key=value, such as learning.rounds=20, not "{text}".')
    section, key = parts
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    if not isinstance(table.setdefault(section, {}), dict):
        raise SettingsError(f'"{section}" is not a section.')
    if section == "topology" and key in ("kind", "file"):
        table[section].pop({"kind": "file", "file": "kind"}[key], None)
    if section == "data" and key in ("dataset", "file"):
        table[section].pop({"dataset": "file", "file": "dataset"}[key], None)
    table[section][key] = parsed


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    name = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        return f'unknown key "{name}": {instead(location[-1], known)}'
    if first["type"] == "missing":
        return f'the key "{name}" is missing: add it.'
    if first["type"] == "value_error":
        return f"{name + ': ' if name else ''}{first['ctx']['error']}."
    message = first["msg"].replace("Input should be", "it must be")
    return f'"{name}" cannot be {first["input"]!r}: {message}.'


def _known_keys(model: type[BaseModel], location: list[str]) -> list[str]:
    for part in location:
        if part.isdigit():
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        annotation = fields[part].annotation if part in fields else None
        inner = getattr(annotation, "__args__", (annotation,))[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]
