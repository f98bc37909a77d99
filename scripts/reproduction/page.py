"""The tables: on the terminal, as Markdown with figures, and as one JSON object."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from reproduction.outcome import Findings, Outcome, Reproduction, Setting

HEADS = ("claim", "measured", "expected", "reference", "")
REFERENCE = (
    "*Expected* is what a row must meet to pass: a law, or the bound that the project sets itself."
    " *Reference* is what an independent prototype measured once, with one seed and its own random numbers; a"
    " row passes or fails without it."
)


class Chapter(NamedTuple):
    """One reproduction and what came of it."""

    of: Reproduction
    findings: Findings
    seconds: float


def text(chapters: Sequence[Chapter], setting: Setting) -> str:
    """For the terminal."""
    return "\n".join(line for chapter in chapters for line in _text(chapter, setting))


def _text(chapter: Chapter, setting: Setting) -> list[str]:
    lines = [f"{chapter.of.name}  {chapter.of.title}   [{chapter.of.command(setting)}]"]
    for outcome in chapter.findings.outcomes:
        known = f"; reference {outcome.reference}" if outcome.reference else ""
        verdict = "pass" if outcome.passed else "FAIL"
        lines.append(f"  {verdict}  {outcome.claim}: {outcome.measured} (expected {outcome.expected}{known})")
    return [*lines, *(f"        {note}" for note in chapter.findings.notes), ""]


def markdown(chapters: Sequence[Chapter], setting: Setting, folder: str) -> str:
    """The page; figures lie in `folder` beside it."""
    outcomes = [outcome for chapter in chapters for outcome in chapter.findings.outcomes]
    passed = sum(outcome.passed for outcome in outcomes)
    minutes = sum(chapter.seconds for chapter in chapters) / 60
    told = (
        f"{passed} of {len(outcomes)} rows pass. All of it runs real peers in virtual time and is repeated by"
        f" `{_whole(setting)}` ({minutes:.0f} minutes of one processor)."
    )
    lines = [
        "# What is claimed, and what was measured",
        "",
        told,
        "",
        REFERENCE,
        "",
        *(f"- [{each.of.name}](#{each.of.name.lower()}) {each.of.title}" for each in chapters),
    ]
    for chapter in chapters:
        lines += _section(chapter, setting, folder)
    return "\n".join(lines) + "\n"


def merged(page: str, chapters: Sequence[Chapter], setting: Setting, folder: str) -> str:
    """`page`, as `markdown` made it, with the sections of `chapters` in it."""
    head, *rest = page.split("\n## ")
    sections = {section.split("\n", 1)[0]: section.rstrip("\n") for section in rest}
    titles = dict(re.findall(r"^- \[(\w+)\]\(.*?\) (.*)$", head, flags=re.MULTILINE))
    for chapter in chapters:
        sections[chapter.of.name] = "\n".join(_section(chapter, setting, folder)[1:]).removeprefix("## ")
        titles[chapter.of.name] = chapter.of.title
    ordered = sorted(sections, key=lambda name: int(name[1:]))
    told = "\n".join(sections[name] for name in ordered)
    passed, failed = told.count("| pass |"), told.count("| **fail** |")
    head = re.sub(r"\d+ of \d+ rows pass", f"{passed} of {passed + failed} rows pass", head)
    head = re.sub(r"^- \[.*\n?", "", head, flags=re.MULTILINE).rstrip("\n")
    listed = "\n".join(f"- [{name}](#{name.lower()}) {titles[name]}" for name in ordered)
    return "\n".join([head, "", listed, *(f"\n## {sections[name]}" for name in ordered)]) + "\n"


def _section(chapter: Chapter, setting: Setting, folder: str) -> list[str]:
    lines = [
        "",
        f"## {chapter.of.name}",
        "",
        f"**{chapter.of.title}.** {chapter.of.paper} `{chapter.of.command(setting)}`",
        "",
        f"| {' | '.join(HEADS)} |",
        "|---|---|---|---|---|",
        *map(_row, chapter.findings.outcomes),
    ]
    for note in chapter.findings.notes:
        lines += ["", note]
    for name in chapter.findings.figures:
        lines += ["", f"![{chapter.of.title}]({folder}/{name})"]
    return lines


def _row(outcome: Outcome) -> str:
    words = (outcome.claim, outcome.measured, outcome.expected, outcome.reference)
    cells = [word.replace("|", "\\|") for word in words]
    return f"| {' | '.join(cells)} | {'pass' if outcome.passed else '**fail**'} |"


def record(chapters: Sequence[Chapter], setting: Setting) -> dict[str, Any]:
    """One object for machines."""
    return {
        "passed": all(each.passed for chapter in chapters for each in chapter.findings.outcomes),
        "quick": setting.quick,
        "reproductions": [
            {
                "name": chapter.of.name,
                "title": chapter.of.title,
                "command": chapter.of.command(setting),
                "seconds": round(chapter.seconds, 1),
                "outcomes": [outcome._asdict() for outcome in chapter.findings.outcomes],
                "notes": chapter.findings.notes,
            }
            for chapter in chapters
        ],
    }


def _whole(setting: Setting) -> str:
    words = ["scripts/reproduce"]
    words += ["--quick"] if setting.quick else []
    words += ["--data-dir DATA"] if setting.data is not None else []
    return " ".join(words)
