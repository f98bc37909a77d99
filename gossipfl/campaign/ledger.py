"""The folder of a campaign: what it is, and one line per run that is done.

Rules:
- A line is forced to disk at once: whatever ends the campaign, a run is there whole or not at all.
- A run is known by a digest of all that its numbers come from: settings, seed, the files that they name, the
  kernels and the version. What is found again is not computed again, and has the same numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import Experiment
from gossipfl.learn.compiled import chosen
from gossipfl.report import to_json, writing

HEAD, RESULTS = "campaign.json", "results.jsonl"
Line = dict[str, Any]


def key_of(settings: dict[str, Any]) -> str:
    """The digest by which a run of these `settings` is known, in hex."""
    named = sorted({text for text in _texts(settings) if os.path.isabs(text.partition(".py:")[0])})
    files = [_digest(text if Path(text).exists() else text.rpartition(":")[0]) for text in named]
    words = json.dumps([settings, files, chosen(), _version()], sort_keys=True)
    return blake2b(words.encode(), digest_size=12).hexdigest()


def settings_of(experiment: Experiment, seed: int) -> dict[str, Any]:
    """`experiment` with another seed, as plain settings that can be read again."""
    settings = experiment.model_dump(mode="json", by_alias=True, exclude_none=True)
    settings["run"]["seed"] = seed
    return settings


class Ledger:
    """The runs in the folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, campaign: str, keys: Iterable[str], resume: bool) -> dict[str, Line]:
        """Make the folder, or find in it the runs of this campaign that are done; {key: line}.

        Raises `UserError` where another campaign or anything else is there, unless `resume` takes from the
        other what both have in common.
        """
        wanted = sorted(set(keys))
        digest = blake2b(json.dumps([campaign, wanted]).encode(), digest_size=12).hexdigest()
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            head = self.path / HEAD
            if head.exists():
                if not resume and _head_of(head) != digest:
                    raise SettingsError(
                        f"{self.path} holds another campaign: choose another --out, or add --resume to keep "
                        "the runs that both have in common."
                    )
            elif any(self.path.iterdir()):
                raise SettingsError(f"{self.path} is not empty: choose another --out, or delete it first.")
            head.write_text(to_json({"campaign": campaign, "digest": digest}) + "\n", encoding="utf-8")
            (self.path / RESULTS).touch()
            return {line["key"]: line for line in self._lines() if line["key"] in set(wanted)}

    def add(self, line: Line) -> None:
        """Write down a run that is done. Raises `UserError` where that cannot be."""
        data = (to_json(line) + "\n").encode()
        with writing(self.path), (self.path / RESULTS).open("ab+", buffering=0) as file:
            if file.tell() and not _ends_whole(self.path / RESULTS):
                data = b"\n" + data  # what a full disk or a dead machine left of the line before
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())

    def _lines(self) -> list[Line]:
        lines = []
        for text in (self.path / RESULTS).read_bytes().splitlines():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):  # the end of it was never written, or it is none of ours
                continue
            if (
                isinstance(line, dict)
                and isinstance(line.get("figures"), dict)
                and isinstance(line.get("key"), str)
            ):
                lines.append(line)
        return lines


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _head_of(head: Path) -> str | None:
    try:
        found = json.loads(head.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    return found.get("digest") if isinstance(found, dict) else None


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


@lru_cache(maxsize=64)
def _digest(path: str) -> str:
    """Of a file's bytes; empty if there is none."""
    digest = blake2b(digest_size=16)
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _version() -> str:
    try:
        return version("gossipfl")
    except PackageNotFoundError:
        return ""
