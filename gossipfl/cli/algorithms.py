"""`gossipfl algorithms`: what each algorithm and compressor is for, what it needs, and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.attacks import list_attacks
from gossipfl.cli.compressors import as_toml, list_compressors
from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.cli.rules import list_rules
from gossipfl.errors import SettingsError

if TYPE_CHECKING:
    from rich.text import Text

    from gossipfl.learn.registry import Method

PARAMETERS = 650
"""How many numbers a model holds if it is not said: a linear model of 64 features and 10 classes."""

FINE = "int8"
"""The compressor of examples: fine enough for every algorithm that takes one."""

_NEEDS = {
    "compressor": ("a compressor", "a compressor: name one in `compressor`"),
    "tree": ("a tree", "a graph that is a tree"),
    "static": ("one graph", "the same graph in every round"),
    "symmetric": ("undirected", "an undirected graph, whose neighbours weigh each other alike"),
    "rounds": ("rounds in step", "neighbours that are in the same round"),
}
"""What the registry's words mean, in a cell and in a sentence; a word that is not here stands for itself."""


def algorithms(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of them, with an example to paste.")
    ] = None,
    compressors: Annotated[bool, typer.Option("--compressors", help="List the compressors.")] = False,
    attacks: Annotated[bool, typer.Option("--attacks", help="List the attacks.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules that stand attackers.")] = False,
    parameters: Annotated[
        int, typer.Option(min=1, help="How many numbers (float32) the model holds.")
    ] = PARAMETERS,
    as_json: AsJson = False,
) -> None:
    """List the algorithms: what each is for, its paper, what it needs, and the bytes of an update.

    Examples:

    `gossipfl algorithms`

    `gossipfl algorithms gradient-tracking`

    `gossipfl algorithms --compressors --parameters 7850`

    `gossipfl algorithms --attacks`

    `gossipfl algorithms --rules`

    `gossipfl simulate ring-16 --set learning.algorithm=gradient-tracking`
    """
    lists = {"--compressors": compressors, "--attacks": attacks, "--rules": rules}
    asked = [option for option, wanted in lists.items() if wanted]
    if asked and (len(asked) > 1 or name is not None):
        raise SettingsError(f"{asked[0]} lists all {asked[0][2:]}: leave out {name or asked[1]}.")
    if rules:
        list_rules(as_json)
    elif attacks:
        list_attacks(as_json)
    elif compressors:
        list_compressors(parameters, as_json)
    elif name is None:
        _list(parameters, as_json)
    else:
        _show(name, parameters, as_json)


def algorithm_bytes(name: str, parameters: int) -> tuple[int, int]:
    """The fewest and the most bytes of an update of so many float32, over the compressors it may take."""
    import numpy as np

    from gossipfl.learn.compressors import COMPRESSORS
    from gossipfl.learn.registry import build_algorithm, method_named
    from gossipfl.protocol.correspondence import corresponding
    from gossipfl.protocol.layout import body_bytes

    codes = list(COMPRESSORS) if method_named(name).takes("compressor") else [None]
    vector = np.zeros(parameters, np.float32)
    sizes = []
    for code in codes:
        update, _ = corresponding(build_algorithm(name, compressor=code), vector).layouts
        sizes.append(body_bytes(update))
    return min(sizes), max(sizes)


def example(name: str) -> str:
    """TOML that runs the algorithm called `name`, its options at their defaults."""
    from gossipfl.learn.registry import method_named

    method = method_named(name)
    lines = ["[topology]", 'kind = "tree"', ""] if "tree" in method.needs else []
    lines += ["[learning]", f"algorithm = {json.dumps(name)}"]
    if "compressor" in method.needs:
        lines.append(f"compressor = {json.dumps(FINE)}")
    if method.options:
        lines.append(f"options = {{ {as_toml(method.options)} }}")
    return "\n".join(lines)


def _list(parameters: int, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from gossipfl.learn.registry import ALGORITHMS
    from gossipfl.report.words import size

    if as_json:
        found = [_record(name, method, parameters) for name, method in ALGORITHMS.items()]
        print_json({"parameters": parameters, "algorithms": found})
        return
    table = Table(box=SIMPLE_HEAD, leading=1, pad_edge=False)
    table.add_column("Algorithm", no_wrap=True)
    table.add_column("What it is for, its paper, what it needs, its options", ratio=1)
    table.add_column("Bytes", justify="right", no_wrap=True)
    for name, method in ALGORITHMS.items():
        table.add_row(
            Text(name, "bold"), _summary(method), _times(algorithm_bytes(name, parameters), parameters)
        )
    console = screen()
    console.print(table)
    console.print(
        "Needs: one graph, the same in every round; undirected, neighbours that weigh each other alike, where"
        " others take directed schedules too; rounds in step, neighbours in the same round.\n"
        f"Bytes: of an update, 1 being {parameters:,} plain float32 ({size(4 * parameters)}); a range is over"
        " the compressors.\n\n"
        "One of them with an example: gossipfl algorithms NAME\n"
        "The compressors: gossipfl algorithms --compressors\n"
        "The attacks that they can be tried against: gossipfl algorithms --attacks",
        markup=False,
    )


def _summary(method: Method) -> Text:
    from rich.text import Text

    about = Text(_sentence(method.purpose))
    for paper in method.paper.split("; "):
        about.append(f"\n{paper}", "dim")
    if method.needs:
        about.append(f"\nneeds {', '.join(_NEEDS.get(word, (word,))[0] for word in _needs(method))}")
    if method.options:
        about.append(f"\n{as_toml(method.options)}", "italic")
    return about


def _show(name: str, parameters: int, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from gossipfl.learn.registry import method_named
    from gossipfl.report.words import size

    method = method_named(name)
    if as_json:
        print_json({"parameters": parameters, **_record(name, method, parameters), "example": example(name)})
        return
    console = screen()
    console.print(Text(name, "bold"))
    console.print(f"\n{_about(method.build)}\n", markup=False)
    rows = [
        ("For", _sentence(method.purpose)),
        ("Paper", method.paper),
        ("Needs", "; ".join(_NEEDS.get(word, (word, word))[1] for word in _needs(method)) or "nothing"),
    ]
    least, most = algorithm_bytes(name, parameters)
    said = size(least) if least == most else f"{size(least)} to {size(most)}, by its compressor,"
    rows += [
        ("Bytes", f"{said} for {parameters:,} float32, which are {size(4 * parameters)} as they are"),
        ("Aggregator", "as [robust] says" if method.takes("aggregator") else "weighted means alone"),
    ]
    grid = Table.grid(padding=(0, 2))
    for label, words in rows:
        grid.add_row(label, Text(words))
    console.print(grid)
    console.print("\nTo run it, with its options as they are by default:\n", markup=False)
    console.print(example(name), markup=False, soft_wrap=True)


def _record(name: str, method: Method, parameters: int) -> dict[str, Any]:
    least, most = algorithm_bytes(name, parameters)
    return {
        "name": name,
        "paper": method.paper,
        "purpose": method.purpose,
        "needs": _needs(method),
        "directed": not {"symmetric", "tree"} & method.needs,
        "options": method.options,
        "takes_aggregator": method.takes("aggregator"),
        "takes_compressor": method.takes("compressor"),
        "bytes": [least, most],
        "bytes_relative": [least / (4 * parameters), most / (4 * parameters)],
    }


def _needs(method: Method) -> list[str]:
    """Its needs in the order in which they are explained."""
    return sorted(method.needs, key=lambda word: ([*_NEEDS, word].index(word), word))


def _about(build: type) -> str:
    """What the file of an algorithm begins with, its sentence, paper and rule, each paragraph on one line."""
    import inspect
    import sys

    paragraphs = (inspect.getdoc(sys.modules[build.__module__]) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _times(sizes: tuple[int, int], parameters: int) -> str:
    """Bytes in those of the plain model: `2`, or `0.01–1`."""
    return "–".join(dict.fromkeys(f"{each / (4 * parameters):.2g}" for each in sizes))
