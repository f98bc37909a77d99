"""What a reproduction is made of: runs, the rows that come of them, and their figures.

Rules:
- A row says what was measured and what was demanded, and passes or not; it is judged before it is rounded.
- `reference` is what an independent prototype measured once, with one seed: to compare with, not to pass.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

Results = Mapping[str, Any]
"""What the runs returned, by their names."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked for: `quick` is the part that takes seconds; `data` is the folder of public data sets."""

    quick: bool = False
    data: Path | None = None

    @property
    def files(self) -> Path:
        """The folder of public data sets, for runs that are planned only where it is given."""
        if self.data is None:
            raise LookupError("no folder of public data sets")
        return self.data


@dataclass(frozen=True, slots=True)
class Work:
    """One run: `do(*arguments)` in a process of its own; `cost_s` is about how long, to plan by."""

    name: str
    do: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    cost_s: float = 1.0


class Failure(NamedTuple):
    """What stands in for the result of a run that broke."""

    words: str


def timed(work: Work) -> tuple[Any, float]:
    """What `work` returned, or its `Failure`, and the seconds that it took."""
    began = time.perf_counter()
    try:
        result = work.do(*work.arguments)
    except Exception as error:
        traceback.print_exc()
        result = Failure(f"{type(error).__name__}: {error}")
    return result, time.perf_counter() - began


class Outcome(NamedTuple):
    """One row: a claim, what was measured, and what passes."""

    claim: str
    measured: str
    expected: str
    passed: bool
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the results come to: rows, figures by file name, and sentences to read them by."""

    outcomes: list[Outcome]
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One law or table: what is repeated, of which paper, by which runs."""

    name: str
    title: str
    paper: str
    plan: Callable[[Setting], list[Work]]
    conclude: Callable[[Results], Findings]
    needs_data: bool = False
    """Whether all of it needs the public data sets."""
    in_quick: bool = True

    def concluded(self, results: Results) -> Findings:
        """What `results` come to; a run that broke fails the whole."""
        broken = {name: result.words for name, result in results.items() if isinstance(result, Failure)}
        if broken:
            rows = [
                Outcome(f"The run {name} ends", words, "no error", False) for name, words in broken.items()
            ]
            return Findings(rows)
        return self.conclude(results)

    def command(self, setting: Setting) -> str:
        """What repeats it alone."""
        words = ["scripts/reproduce", "--only", self.name]
        words += ["--quick"] if setting.quick else []
        words += ["--data-dir", "DATA"] if setting.data is not None and not setting.quick else []
        return " ".join(words)
