"""The page that tells what was measured: each mode of the script writes a section of its own."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"
HEAD = "# What faults and attackers cost\n"
SECTIONS = (
    "What faults cost",
    "What attackers cost",
    "What hostile connections cost",
    "What real harm costs",
)


def with_section(page: str, title: str, text: str) -> str:
    """`page` where the section `title`, one of SECTIONS, says `text`; the others stay."""
    parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)[1:]
    held = dict(zip(parts[::2], (words.strip() for words in parts[1::2]), strict=True))
    held[title] = text.strip()
    told = [f"\n## {each}\n\n{held[each]}\n" for each in SECTIONS if each in held]
    return "".join([HEAD, *told])


def write_section(title: str, text: str) -> None:
    """Write it into the page."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(with_section(page, title, text), encoding="utf-8", newline="\n")
