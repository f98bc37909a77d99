"""Reads experiments: TOML files, `--set section.key=value`, and the ones that come with the package.

Rules:
- Whatever is wrong is said in one sentence that names the key and, where there is one, the nearest known.
- A path inside a file is relative to that file, one in an override to where the command runs.
- A run is named after its file unless the file names it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gossipfl.errors import SettingsError, instead
from gossipfl.experiment.settings import NAME_CHARS_MAX, Experiment

DEFAULT = "ring-8"
FILE_BYTES_MAX = 1 << 20
NOT_TOML = (ValueError, RecursionError)
"""What the parser raises of no TOML; the second of what is nested too deep."""

_WHOLE = "it must be a whole number"
_NUMBER = "it must be a number"
_LIST = "it must be a list in square brackets"
_SECTION = "it must be a section of its own, in square brackets"
_WANTED = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "it must be a finite number",
    "string_type": "it must be a text in quotes",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "tuple_type": _LIST,
    "model_type": _SECTION,
    "dict_type": "it must be a table in braces, such as {{ share = 0.1 }}",
    "greater_than_equal": "it must be {ge} or more",
    "greater_than": "it must be above {gt}",
    "less_than_equal": "it must be {le} or less",
    "less_than": "it must be below {lt}",
    "literal_error": "it must be {expected}",
}
"""What pydantic says at length, by its word for the error."""

Settings = TypeVar("Settings", bound=BaseModel)

_SHAPES = ("degree", "probability", "radius", "rewiring", "rows", "branching")
_REPLACED = {
    "topology.kind": ("file", *_SHAPES),
    "topology.file": ("kind", "peers", *_SHAPES),
    "data.dataset": ("file", "target", "task", "schema", "drop", "test_file"),
    "data.file": ("dataset",),
    "data.split": ("alpha", "per_peer", "column"),
}
"""What a file says that an override leaves no room for; later overrides can say it anew."""

_PATHS = {"topology": ("file",), "data": ("file", "schema", "test_file"), "network": ("latency_file",)}


def bundled(pattern: str = "*.toml") -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    package = Path(__file__).parent.parent
    folders = (package / "topologies", package.parent / "topologies")
    found = next((folder for folder in folders if folder.is_dir()), None)
    return {path.stem: path for path in sorted(found.glob(pattern))} if found else {}


def presets() -> dict[str, Path]:
    """The stress campaigns that come with the package, by name."""
    return bundled("stress/*.toml")


@dataclass(frozen=True)
class Base:
    """An experiment as tables that can be overridden further, and the `[stress]` that its file holds."""

    experiment: Experiment
    table: dict[str, Any]
    stress: dict[str, Any]
    folder: Path


def read_experiment(name: str | Path | None = None, sets: Iterable[str] = ()) -> Experiment:
    """The experiment in the file `name`, or the bundled one of that name; `DEFAULT` for None.

    `sets` are overrides such as "learning.rounds=20". A `[stress]` is left to `gossipfl stress`. Raises
    `SettingsError`.
    """
    return read_base(name, sets).experiment


def read_base(name: str | Path | None = None, sets: Iterable[str] = ()) -> Base:
    """The same, with its tables."""
    path = _find(str(name or DEFAULT))
    table = read_toml(path)
    stress = table.pop("stress", {})
    if not isinstance(stress, dict):
        raise SettingsError(f'{path}: "stress" must be a section of its own, in square brackets.')
    resolve_paths(table, path.parent)
    if isinstance(table.setdefault("run", {}), dict):
        table["run"].setdefault("name", path.stem[:NAME_CHARS_MAX])
    overridden = deepcopy(table)
    for text in sets:
        _override(overridden, text)
    resolve_paths(overridden, Path())
    experiment = validate(Experiment, table, str(path))  # so that the file is not blamed for the overrides
    if overridden != table:
        experiment = validate(Experiment, overridden, "With these options")
    return Base(experiment, overridden, stress, path.parent)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SettingsError(f"{path} is larger than {FILE_BYTES_MAX:,} bytes: is it a settings file?")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f'There is no file "{path}": check its name.') from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not a text in UTF-8: give a TOML file.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): give a TOML file.") from None
    except NOT_TOML as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None


def validate(model: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """`table` as `model`. Raises `SettingsError` for the first thing that is wrong."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_sentence(model, error)}") from None


def _find(name: str) -> Path:
    path, known = Path(name), presets() | bundled()
    if path.is_dir() and name not in known:
        inside = path / "experiment.toml"
        hint = f"did you mean {inside}?" if inside.is_file() else "give a TOML file."
        raise SettingsError(f"{name} is a directory: {hint}")
    if path.suffix == ".toml" or path.is_file():
        return path
    if name in known:
        return known[name]
    raise SettingsError(f'There is no experiment "{name}", as a file or by name: {instead(name, known)}')


def factory_beside(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The `options` of a model, with the file of its factory, if it is in one, looked for in `folder`."""
    from gossipfl.learn.pytorch.factory import beside

    factory = options.get("factory")
    return {**options, "factory": beside(factory, folder)} if isinstance(factory, str) else options


def resolve_paths(table: dict[str, Any], folder: Path) -> None:
    """Make what `table` says of files relative to `folder`."""
    for section, keys in _PATHS.items():
        values = table.get(section, {})
        for key in keys:
            if isinstance(values, dict) and isinstance(values.get(key), str):
                values[key] = os.path.abspath(folder / values[key])
    churn = table["faults"].get("churn") if isinstance(table.get("faults"), dict) else None
    if isinstance(churn, dict) and isinstance(churn.get("trace"), str):
        churn["trace"] = os.path.abspath(folder / churn["trace"])
    model = table.get("model")
    if isinstance(model, dict) and isinstance(model.get("options"), dict):
        model["options"] = factory_beside(model["options"], folder)


def _override(table: dict[str, Any], text: str) -> None:
    override(table, *parse_set(text))


def parse_set(text: str) -> tuple[str, str, Any]:
    """ "section.key=value" as section, key and value. Raises `SettingsError`."""
    name, equals, value = text.partition("=")
    parts = name.strip().split(".")
    if not equals or len(parts) != 2 or not all(parts):
        raise SettingsError(f'--set takes section.key=value, such as learning.rounds=20, not "{text}".')
    section, key = parts
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except NOT_TOML:
        parsed = value.strip()
    return section, key, parsed


def override(table: dict[str, Any], section: str, key: str, value: Any) -> None:
    """Let `value` stand at `section.key` of `table`, in the place of what it leaves no room for."""
    if not isinstance(table.setdefault(section, {}), dict):
        raise SettingsError(f'"{section}" is not a section.')
    for other in _REPLACED.get(f"{section}.{key}", ()):
        table[section].pop(other, None)
    table[section][key] = value


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
    wanted = _WANTED.get(first["type"], "").format(**first.get("ctx", {}))
    wanted = wanted or first["msg"].replace("Input should be", "it must be")
    return f'"{name}" cannot be {_shown(first["input"])}: {wanted}.'


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


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
