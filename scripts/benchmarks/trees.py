"""The code to measure: this checkout as it lies there, or a commit of it in a folder that goes away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.catalogue import Workload
from benchmarks.records import Figures

ROOT = Path(__file__).resolve().parents[2]


class Tree(NamedTuple):
    """A folder with the package in it, and the commit that it is, or was before it was changed."""

    name: str
    folder: Path
    commit: str

    def measure(self, workload: Workload, peers: int) -> Figures:
        """One record of `workload`, from a process of its own that runs this tree's code."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.measuring", workload.name, str(peers)],
            env=os.environ | self._variables(workload),
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        last = done.stdout.strip().splitlines()[-1:]
        if done.returncode or not last:
            sys.stderr.write(done.stderr)
            why = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            found: Figures = {"failed": why}
        else:
            found = json.loads(last[0])
        facts = {"threads": workload.threads, "commit": self.commit}
        return {"workload": workload.name, "peers": peers, "tree": self.name, **facts, **found}

    def _variables(self, workload: Workload) -> dict[str, str]:
        """Threads are the crowd's own or those of torch; a BLAS beside them has one."""
        return {
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT / "scripts")]),
            "OMP_NUM_THREADS": str(workload.threads),
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }


def here() -> Tree:
    """This checkout; its commit ends on + if it was changed since."""
    changed = "+" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return Tree("here", ROOT, (_commit("HEAD") or "unknown") + changed)


def known_commit(name: str) -> bool:
    """Whether git knows a commit by this name."""
    return _commit(name) is not None


def worktrees() -> list[str]:
    """The folders in which git has commits of this checkout, this one among them."""
    lines = (_git("worktree", "list", "--porcelain") or "").splitlines()
    return [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")]


@contextmanager
def checked_out(name: str) -> Iterator[Tree]:
    """Commit `name`, which is known, as a tree while the block runs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as outer:
        folder = Path(outer) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(folder), name)
        try:
            yield Tree("there", folder, _commit(name) or name)
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _commit(name: str) -> str | None:
    return _git("rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}")


def _git(*words: str) -> str | None:
    """What git answers; None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
