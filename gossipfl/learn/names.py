"""Half a sentence for a name that is not known: the nearest ones that are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """`: did you mean "x"?`-like advice, without a full stop; all of `known` where none is near."""
    names = sorted(known)
    close = get_close_matches(name.lower(), [k.lower() for k in names], n=1)
    if close:
        return f": use {next(k for k in names if k.lower() == close[0])!r}"
    return f": use one of {', '.join(names)}"
