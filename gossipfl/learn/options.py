"""Options that settings give by name: of the kind of their defaults, and within their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gossipfl.errors import SettingsError, instead


def checked(whose: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`given` options of `whose`, each of the kind of its default. Raises `SettingsError`."""
    for name, value in given.items():
        if name not in defaults:
            known = instead(name, defaults) if defaults else "it has none, so leave it out."
            raise SettingsError(f"The {whose} has no option {name!r}: {known}")
        default = defaults[name]
        wanted = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
            raise SettingsError(f"The option {name} of the {whose} is {value!r}: give it like {default!r}.")
    return dict(given)


def demand_between(name: str, value: float, low: float, high: float) -> None:
    """Refuse an option that is not a number from `low` to `high`, whole where these are."""
    whole = isinstance(low, int)
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not (fits and low <= value <= high):
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"{name} is {value!r}: set it to {kind} from {low:g} to {high:g}.")
