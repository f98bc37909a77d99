"""`gossipfl algorithms --compressors`: what each compressor sends, its options, and its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gossipfl.cli.console import print_json, screen

if TYPE_CHECKING:
    from gossipfl.learn.contracts import Compressor


def list_compressors(parameters: int, as_json: bool) -> None:
    """Print the compressors, with the bytes of a vector of so many float32."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from gossipfl.learn.compressors import COMPRESSORS
    from gossipfl.report.words import size

    found = [_record(name, build(), parameters) for name, build in COMPRESSORS.items()]
    if as_json:
        print_json({"parameters": parameters, "compressors": found})
        return
    table = Table(box=SIMPLE_HEAD, leading=1, pad_edge=False)
    table.add_column("Compressor", no_wrap=True)
    table.add_column("What it sends", ratio=1)
    table.add_column("Bytes", justify="right", no_wrap=True)
    table.add_column("Fewer", justify="right", no_wrap=True)
    for record in found:
        about = Text(record["what"])
        about.append(f"\n{as_toml(record['options'])}" if record["options"] else "", "italic")
        fewer = f"{1 / record['bytes_relative']:.3g} times"
        table.add_row(Text(record["name"], "bold"), about, size(record["bytes"]), fewer)
    console = screen()
    console.print(table)
    console.print(
        f"Bytes: of {parameters:,} float32, {size(4 * parameters)} as they are, with the options shown, which"
        " are the defaults. To use one:\n",
        markup=False,
    )
    console.print(_example(), markup=False, soft_wrap=True)


def as_toml(options: Mapping[str, Any]) -> str:
    """Options as they stand in an inline table, a compressor by its name: `share = 0.01, values = "int8"`."""
    return ", ".join(f"{key} = {json.dumps(_named(value))}" for key, value in options.items())


def _example() -> str:
    """TOML with the first algorithm that needs a compressor."""
    from gossipfl.learn.registry import ALGORITHMS

    able = [name for name, method in ALGORITHMS.items() if method.takes("compressor")]
    others = f"  # or {', '.join(able[1:])}" if able[1:] else ""
    return f'[learning]\nalgorithm = "{able[0]}"{others}\ncompressor = "int8"\ncompression = {{ block = 64 }}'


def _named(value: Any) -> Any:
    """The name of a compressor; anything else as it is."""
    from gossipfl.learn.compressors import COMPRESSORS

    return next((name for name, build in COMPRESSORS.items() if type(value) is build), value)


def _record(name: str, compressor: Compressor, parameters: int) -> dict[str, Any]:
    import dataclasses
    import inspect

    import numpy as np

    from gossipfl.draws import Draws
    from gossipfl.protocol.layout import body_bytes, layout_of

    code = compressor.encode(np.zeros(parameters, np.float32), Draws(0))
    names = [field.name for field in dataclasses.fields(compressor)]  # type: ignore[arg-type]
    return {
        "name": name,
        "what": " ".join((inspect.getdoc(compressor) or "").split("\n\n")[0].split()),
        "options": {option: _named(getattr(compressor, option)) for option in names},
        "bytes": body_bytes(layout_of(code)),
        "bytes_relative": body_bytes(layout_of(code)) / (4 * parameters),
    }
