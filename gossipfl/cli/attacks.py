"""`gossipfl algorithms --attacks`: what each attack does, its paper and its options."""

from __future__ import annotations

from typing import Any

from gossipfl.cli.compressors import as_toml
from gossipfl.cli.console import print_json, screen


def list_attacks(as_json: bool) -> None:
    """Print the attacks."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from gossipfl.learn.attacks import ATTACKS

    found = [_record(name) for name in ATTACKS]
    if as_json:
        print_json({"attacks": found})
        return
    table = Table(box=SIMPLE_HEAD, leading=1, pad_edge=False)
    table.add_column("Attack", no_wrap=True)
    table.add_column("What an attacker does, its paper, its options", ratio=1)
    for record in found:
        about = Text(f"{record['purpose'][:1].upper()}{record['purpose'][1:]}.")
        for paper in record["paper"].split("; "):
            about.append(f"\n{paper}", "dim")
        if not record["crowd"]:
            about.append('\nneeds run.engine = "network"')
        if record["options"]:
            about.append(f"\n{as_toml(record['options'])}", "italic")
        table.add_row(Text(record["name"], "bold"), about)
    console = screen()
    console.print(table)
    console.print(
        "The options shown are the defaults. Four peers, at the hubs of the graph, from round 10 on:\n",
        markup=False,
    )
    example = '[attack]\nkind = "sign-flip"\npeers = 4\nplace = "hubs"\nfrom = 10'
    console.print(example, markup=False, soft_wrap=True)


def _record(name: str) -> dict[str, Any]:
    from gossipfl.learn.attacks import ATTACKS, build_attack, conduct_of

    kind, conduct = ATTACKS[name], conduct_of(build_attack(name))
    return {
        "name": name,
        "paper": kind.paper,
        "purpose": kind.purpose,
        "options": kind.options,
        "crowd": not (conduct.each or conduct.again or conduct.copies or name == "nan"),
        "stubborn": conduct.stubborn,
    }
