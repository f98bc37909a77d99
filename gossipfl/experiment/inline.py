"""Values as a person would write them behind `--set section.key=`: TOML on one line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[A-Za-z][\w+.-]*")


def as_set(name: str, value: Any) -> str:
    """`section.key=value`; a text that cannot be read as anything else stands without quotes."""
    return f"{name}={value if isinstance(value, str) and _reads_as_itself(value) else inline(value)}"


def inline(value: Any) -> str:
    """`value` as TOML on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(str(key))} = {inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    return str(value)


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _reads_as_itself(text: str) -> bool:
    if not _WORD.fullmatch(text):
        return False
    try:
        tomllib.loads(f"value = {text}")
    except ValueError:
        return True
    return False
