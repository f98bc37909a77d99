"""Finds the function that makes a user's module: "cnn.py:cnn" in a file, "package.module:cnn" installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from gossipfl.errors import SettingsError, instead

Factory = Callable[[int, int | None], Any]
"""(features, classes) -> `torch.nn.Module`; classes is None where the target is a number."""


def find_factory(text: str) -> Factory:
    """The function that `text` names. Raises `SettingsError`."""
    home, colon, name = text.rpartition(":")
    if not (home and colon and name.isidentifier()):
        raise SettingsError(
            f'The factory {text!r} names no function: write "cnn.py:cnn" or "package.module:cnn".'
        )
    module = _from_file(Path(home), text) if home.endswith(".py") else _installed(home, text)
    found = getattr(module, name, None)
    if not callable(found):
        made = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        raise SettingsError(f"{home} has no function {name!r}: {instead(name, made)}")
    factory: Factory = found
    return factory


def beside(text: str, folder: Path) -> str:
    """`text` with the file that it names, if it names one, looked for in `folder`."""
    home, colon, name = text.rpartition(":")
    return f"{os.path.abspath(folder / home)}{colon}{name}" if home.endswith(".py") else text


def require_torch() -> None:
    """Raise `SettingsError` where PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise SettingsError("This model needs PyTorch: run pip install 'gossipfl[torch]'.")


def _from_file(path: Path, text: str) -> ModuleType:
    if not path.is_file():
        raise SettingsError(f"There is no file {path} for the factory {text!r}: check its name.")
    name = f"gossipfl_factory_{blake2b(str(path.resolve()).encode(), digest_size=8).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{path} cannot be imported: give a file of Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # classes look up their module while they are made
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # which somebody else's code may raise as well
        del sys.modules[name]
        raise SettingsError(f"{path} cannot be imported ({told(error)}): correct it.") from None
    return module


def _installed(name: str, text: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # which somebody else's code may raise as well
        raise SettingsError(
            f"The factory {text!r} cannot be imported ({told(error)}): install it, or name a file."
        ) from None


def told(error: BaseException) -> str:
    """The first line of what an `error` of somebody else's code says, with its kind."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
