"""Numbers as people read them: percentages, bytes, counts and durations."""

from __future__ import annotations

from gossipfl.report.peers import number

NOTHING = "–"
_METRICS = {"accuracy": "Accuracy", "r2": "R²"}


def metric_label(metric: str) -> str:
    """The metric's name as it stands on an axis."""
    return _METRICS.get(metric, metric)


def score(value: object, metric: str) -> str:
    """`96.4 %` for an accuracy, `0.482` for any other metric."""
    found = number(value)
    if found is None:
        return NOTHING
    return f"{100 * found:.1f} %" if metric == "accuracy" else significant(found)


def score_tick(value: float, metric: str) -> str:
    """A score as it stands on an axis, with no more digits than it has."""
    return f"{100 * value:.4g} %" if metric == "accuracy" else f"{value:.4g}"


def significant(value: object) -> str:
    """Three significant digits, with an exponent only where it is needed."""
    found = number(value)
    if found is None:
        return NOTHING
    return f"{found:.3g}" if found == 0 or 1e-3 <= abs(found) < 1e4 else f"{found:.2e}"


def size(value: object) -> str:
    """Bytes in decimal units: `12.3 MB`."""
    found = number(value)
    if found is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if abs(found) < 999.5:
            return f"{found:.3g} {unit}"
        found /= 1000
    return f"{found:,.3g} TB" if found < 1000 else f"{found:,.0f} TB"


def count(value: object) -> str:
    """A whole number with thousands marked."""
    found = number(value)
    return NOTHING if found is None else f"{found:,.0f}"


def duration(value: object) -> str:
    """Seconds: `8.4 s`, `3 min 20 s`, `2 h 05 min`."""
    found = number(value)
    if found is None:
        return NOTHING
    if found < 99.95:
        return f"{found:.1f} s"
    minutes, seconds = divmod(round(found), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def fold(value: float) -> str:
    """How many times, to two digits and without an exponent: `1.6`, `250`."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:g}" if rounded < 10 else f"{rounded:,.0f}"


def share(part: object, whole: object) -> str:
    """One count as a percentage of another: `2.1 %`."""
    top, bottom = number(part), number(whole)
    return NOTHING if top is None or not bottom else f"{100 * top / bottom:.1f} %"


def listing(words: list[str], most: int = 4) -> str:
    """`a, b and c`, or `a, b, c and 5 more`."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def on_one_line(text: object) -> str:
    """Text from a stranger, with whatever could move a terminal's cursor replaced by `·`."""
    return "".join(letter if letter.isprintable() else "·" for letter in str(text))
