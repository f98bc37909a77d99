"""Measurements as Markdown: medians over repeats, with the least and the most where they are compared."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.catalogue import CONTRASTS
from benchmarks.records import Figures, Key, Spread, middle, of_tree, ratio

_MEASURED = (
    "workload", "peers", "a round", "from - to", "a peer", "GFLOP/s", "of peak", "GB/s", "of copy", "memory"
)  # fmt: skip


def report(records: Sequence[Figures]) -> str:
    """All that `records` come to: the machine, each workload, how it grows, what is compared with what."""
    mine, theirs = of_tree(records, "here"), of_tree(records, "there")
    parts = [_machine(records), _table(_MEASURED, _rows(mine))]
    parts.append(
        _table(("grows", "from - to", "exponent", "a peer at the most over at 1,000"), _growth(mine))
    )
    parts.append(_table(("of times", "peers", "ratio", "from - to"), _contrasts(mine)))
    parts.append(
        _table(("workload", "peers", "here", "there", "here / there", "from - to"), _beside(mine, theirs))
    )
    parts.append("\n".join(dict.fromkeys(_absent(records))))
    return "\n\n".join(part for part in parts if part)


def _machine(records: Sequence[Figures]) -> str:
    measured = [record for record in records if "environment" in record]
    if not measured:
        return ""
    facts = measured[0]["environment"]
    versions = ", ".join(
        f"{name} {facts[name] or 'absent'}" for name in ("python", "numpy", "numba", "torch")
    )
    commits = sorted({f"{record['tree']} {record['commit']}" for record in measured})
    lines = [f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}; {versions}; {', '.join(commits)}."]
    for on in sorted({record["on"] for record in measured}):
        flops = Spread.of([record["peak_flop_per_s"] / 1e9 for record in measured if record["on"] == on])
        lines.append(f"{on[0].upper()}{on[1:]} multiplies float32 matrices at {_words(flops)} GFLOP/s.")
    copies = Spread.of([record["peak_bytes_per_s"] / 1e9 for record in measured])
    return "\n".join([*lines, f"One thread copies {_words(copies)} GB/s."])


def _rows(measured: Mapping[Key, list[Figures]]) -> Iterator[tuple[str, ...]]:
    for (name, peers), runs in measured.items():
        times = [run["seconds"] for run in runs if "seconds" in run]
        if not times:
            continue
        seconds, memory = Spread.of(times), middle(runs, "memory_bytes")
        yield (
            name,
            _count(peers),
            _time(seconds.median),
            f"{_time(seconds.least)} - {_time(seconds.most)}",
            _time(seconds.median / peers) if peers else "",
            *_rate(runs, "flop", "peak_flop_per_s"),
            *_rate(runs, "bytes", "peak_bytes_per_s"),
            "" if memory is None else f"{memory / 1e6:,.0f} MB",
        )


def _rate(runs: Sequence[Figures], done: str, peak: str) -> tuple[str, str]:
    """So many 1e9 a second, and which share of the peak measured in the same process that is."""
    rates = [(run[done] / run["seconds"], run[peak]) for run in runs if run.get(done)]
    if not rates:
        return "", ""
    share = statistics.median(rate / most for rate, most in rates)
    return f"{statistics.median(rate for rate, _ in rates) / 1e9:.3g}", f"{share:.1%}"


def _growth(measured: Mapping[Key, list[Figures]]) -> Iterator[tuple[str, ...]]:
    """The exponents with which times grow, from 100 peers on, fitted to logarithms."""
    times: dict[str, dict[int, float]] = {}
    for (name, peers), runs in measured.items():
        if (seconds := middle(runs, "seconds")) is not None and peers >= 100:
            times.setdefault(name, {})[peers] = seconds
    for name, by_size in times.items():
        if len(by_size) < 2:
            continue
        least, most = min(by_size), max(by_size)
        fitted = statistics.linear_regression(
            [math.log(peers) for peers in by_size], [math.log(seconds) for seconds in by_size.values()]
        )
        usual = by_size.get(1_000)
        ratio_words = f"{by_size[most] / most / (usual / 1_000):.2f}" if usual and most > 1_000 else ""
        yield name, f"{least:,} - {most:,}", f"{fitted.slope:.2f}", ratio_words


def _contrasts(measured: Mapping[Key, list[Figures]]) -> Iterator[tuple[str, ...]]:
    for contrast in CONTRASTS:
        for (name, peers), runs in measured.items():
            if name == contrast.one and (found := ratio(runs, measured.get((contrast.other, peers), []))):
                yield (
                    contrast.words,
                    _count(peers),
                    f"{found.median:.2f}",
                    f"{found.least:.2f} - {found.most:.2f}",
                )


def _beside(
    mine: Mapping[Key, list[Figures]], theirs: Mapping[Key, list[Figures]]
) -> Iterator[tuple[str, ...]]:
    for key, runs in mine.items():
        found = ratio(runs, theirs.get(key, []))
        here, there = middle(runs, "seconds"), middle(theirs.get(key, []), "seconds")
        if found and here is not None and there is not None:
            spread = f"{found.least:.2f} - {found.most:.2f}"
            yield key[0], _count(key[1]), _time(here), _time(there), f"{found.median:.2f}", spread


def _absent(records: Sequence[Figures]) -> Iterator[str]:
    """Why some workloads have no figures."""
    for record in records:
        for why in ("refused", "failed"):
            if why in record:
                yield f"{record['workload']} {why} {record['tree']}: {record[why]}"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    """Nothing where there are no rows."""
    lines = [" | ".join(row) for row in rows]
    if not lines:
        return ""
    rule = "|".join(["---"] * 1 + ["---:"] * (len(head) - 1))
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {line} |" for line in lines)])


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _count(peers: int) -> str:
    return f"{peers:,}" if peers else ""


def _words(spread: Spread) -> str:
    return f"{spread.median:.3g} ({spread.least:.3g} - {spread.most:.3g})"
