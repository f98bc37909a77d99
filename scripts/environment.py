"""The virtual environment of this checkout: made on the first run, renewed when pyproject.toml changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
BIN = FOLDER / ("Scripts" if os.name == "nt" else "bin")
VERBS = [
    ROOT / "scripts" / verb
    for verb in ("bench", "check", "demo", "format", "fuzz", "reproduce", "robustness", "swarm", "test")
]
OLDEST = (3, 11)
BRINGS = {"dev": ("test", "package"), "test": ("package",)}
"""What is installed along with an extra of pyproject.toml."""


def ready(extra: str = "") -> None:
    """Make sure that the package is installed, with what `extra` of pyproject.toml adds."""
    if sys.version_info < OLDEST:
        sys.exit(f"Run this with Python 3.11 or later; this one is {sys.version.split()[0]}.")
    name = extra or "package"
    stamp = FOLDER / f"installed-{name}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not program("python").exists():
        print("Making .venv ...", file=sys.stderr, flush=True)
        venv.create(FOLDER, with_pip=True)
    print(
        f"Installing gossipfl{f' with {extra}' if extra else ''} into .venv ...", file=sys.stderr, flush=True
    )
    package = f"{ROOT}[{extra}]" if extra else str(ROOT)
    call(program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", package)
    for there in (name, *BRINGS.get(name, ())):
        (FOLDER / f"installed-{there}").write_text(wanted, encoding="utf-8")


def program(name: str) -> Path:
    """A program of the environment."""
    return BIN / (f"{name}.exe" if os.name == "nt" else name)


def call(*words: str | Path) -> None:
    """Run a command in the checkout; whatever status it fails with is ours."""
    try:
        status = subprocess.run([str(word) for word in words], cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        status = 130
    if status:
        sys.exit(status)
