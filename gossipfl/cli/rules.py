"""`gossipfl algorithms --rules`: what each rule takes in, its paper, its bound and its options."""

from __future__ import annotations

from typing import Any

from gossipfl.cli.compressors import as_toml
from gossipfl.cli.console import print_json, screen


def list_rules(as_json: bool) -> None:
    """Print the rules and what may stand before them."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from gossipfl.learn.robust.catalogue import DEFAULT_RULE

    found = _records()
    if as_json:
        print_json({"default": DEFAULT_RULE, "rules": found})
        return
    table = Table(box=SIMPLE_HEAD, leading=1, pad_edge=False)
    table.add_column("Rule", no_wrap=True)
    table.add_column("What it takes in, its paper, its options", ratio=1)
    table.add_column("Needs", no_wrap=True)
    for record in found:
        about = Text(f"{record['purpose'][:1].upper()}{record['purpose'][1:]}.")
        about.append(f"\n{record['paper']}", "dim")
        if record["options"]:
            about.append(f"\n{as_toml(record['options'])}", "italic")
        table.add_row(Text(record["name"], "bold"), about, record["needs"])
    console = screen()
    console.print(table)
    console.print(
        "Needs: k neighbours heard by every peer, of whom f may be hostile. A peer that hears fewer keeps its"
        f' own vector. "auto" is {DEFAULT_RULE} where there may be attackers. To use one:\n',
        markup=False,
    )
    console.print(f'[robust]\nrule = "{DEFAULT_RULE}"\nattackers = 2', markup=False, soft_wrap=True)


def _records() -> list[dict[str, Any]]:
    from gossipfl.learn.robust.catalogue import PREFIXES, RULES

    named = [*RULES.items(), *((f"{prefix}+RULE", kind) for prefix, kind in PREFIXES.items())]
    return [
        {
            "name": name,
            "paper": kind.paper,
            "purpose": kind.purpose,
            "needs": kind.takes,
            "options": kind.options,
        }
        for name, kind in named
    ]
