"""Coverage-guided fuzzing: each target in a process of its own, whose inputs atheris changes and keeps.

`python -m fuzzing.guided TARGET SECONDS ...` is one such process, which ends after so many seconds of a
processor, with the options of libFuzzer; see `explored`.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fuzzing import corpus

ROOT = Path(__file__).resolve().parents[2]
NEW = ROOT / "runs" / "fuzz"
"""Where inputs that reach more are written."""

INPUT_BYTES_MAX = 4096
SLOW_S = 30
MEMORY_MIB_MAX = 3072
HOW_TO_GET_IT = (
    "atheris is not installed: on Linux or macOS run `.venv/bin/python -m pip install -e '.[fuzz]'`, "
    "or use `scripts/fuzz frames`, which needs none."
)
_STATUS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)")
_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")


class Explored(NamedTuple):
    """What came of one target."""

    target: str
    executions: int
    edges: int  # of the package's code that were reached
    features: int
    inputs: int  # that reach something that no other does
    cpu_s: float
    crashes: list[Path]
    last_words: str


def is_there() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def explored(target: str, seconds: float) -> Explored:
    """Explore `target` for so many seconds of a processor, from its seeds, its corpus and what was found."""
    found, crashes = NEW / target, NEW / f"{target}-crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(crashes.iterdir())
    options = ["-print_final_stats=1", f"-artifact_prefix={crashes}{os.sep}"]
    with tempfile.TemporaryDirectory() as given:
        said, cpu_s = _libfuzzer(target, seconds, options, found, _given(target, Path(given)))
    status = _STATUS.findall(said) or [("0", "0", "0", "")]
    edges, features, inputs = map(int, status[-1][:3])
    executed = _EXECUTED.search(said)
    return Explored(
        target,
        int(executed[1]) if executed else 0,
        edges,
        features,
        inputs,
        cpu_s,
        sorted(set(crashes.iterdir()) - before),
        said[-2000:],
    )


def keep(target: str) -> int:
    """Keep the smallest of what was found for `target` that reaches more than its corpus does."""
    with tempfile.TemporaryDirectory() as given, tempfile.TemporaryDirectory() as merged:
        there = _given(target, Path(given))
        for path in Path(given).iterdir():
            (Path(merged) / path.name).write_bytes(path.read_bytes())
        _libfuzzer(target, math.inf, ["-merge=1"], Path(merged), [NEW / target])
        known = {path.read_bytes() for folder in there for path in folder.iterdir()}
        found = (path.read_bytes() for path in Path(merged).iterdir())
        return corpus.keep(target, [data for data in found if data not in known])


def _given(target: str, folder: Path) -> list[Path]:
    """`folder` with the seeds and the corpus of `target` in it."""
    from fuzzing.targets import TARGETS

    kept = (path.read_bytes() for path in corpus.kept(target))
    for data in (*TARGETS[target].seeds(), *kept):
        (folder / corpus.name_of(data)).write_bytes(data)
    return [folder]


def _libfuzzer(
    target: str, seconds: float, options: Iterable[str], *folders: Path | Iterable[Path]
) -> tuple[str, float]:
    """What a process that fuzzes `target` says, and the seconds of a processor that it took."""
    limits = (f"-max_len={INPUT_BYTES_MAX}", f"-timeout={SLOW_S}", f"-rss_limit_mb={MEMORY_MIB_MAX}")
    where = [str(each) for part in folders for each in ([part] if isinstance(part, Path) else part)]
    with tempfile.TemporaryDirectory() as scratch:
        words = Path(scratch) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in _words()), encoding="ascii")
        own = (sys.executable, "-m", "fuzzing.guided", target, str(seconds))
        command = [*own, *options, *limits, f"-dict={words}", *where]
        environment = os.environ | {"TMPDIR": scratch, "RUST_BACKTRACE": "0", "POLARS_MAX_THREADS": "1"}
        with (Path(scratch) / "said").open("w+b") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
    return text, used.ru_utime + used.ru_stime


def _words() -> Iterator[bytes]:
    from fuzzing.mutants import WORDS

    yield from (word for word in WORDS if word)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _fuzz(words: list[str]) -> None:
    """Be the process that fuzzes the target named by the first of `words`, for as long as the second says."""
    import atheris

    with atheris.instrument_imports(include=["gossipfl", "tomllib", "h11"]):
        from fuzzing.targets import TARGETS
    target, ends_s = TARGETS[words[0]], time.process_time() + float(words[1])

    def once(data: bytes) -> None:
        target.read(data)
        if time.process_time() > ends_s:
            os.kill(os.getpid(), signal.SIGUSR1)  # to libFuzzer it says: sum up, and end

    atheris.Setup(["fuzz", *words[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    _fuzz(sys.argv[1:])
