"""`gossipfl data`: write the schema that peers share, and look at what is in a file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

from gossipfl.cli.console import AsJson, print_json

if TYPE_CHECKING:
    from gossipfl.data import Schema

_LISTED_MAX = 40

app = typer.Typer(no_args_is_help=True, help="Agree on a schema, and look at data.")

Header = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option("--header/--no-header", help="Whether the first row names the columns (guessed)."),
]
Delimiter = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help='What stands between cells, such as ";" or "\\t" (guessed).',
        show_default=False,
        callback=lambda given: "\t" if given == "\\t" else given,
    ),
]


@app.command()
def schema(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, Parquet, SVMLight or NPZ.")],
    target: Annotated[
        str, typer.Option(help='The column to predict; "last", or "column_15" without header.')
    ],
    drop: Annotated[list[str], typer.Option(help="A column to leave out; may be repeated.")] = [],  # noqa: B006
    numeric: Annotated[list[str], typer.Option(help="A column to read as numbers; may be repeated.")] = [],  # noqa: B006
    categorical: Annotated[list[str], typer.Option(help="A column to read as words; may be repeated.")] = [],  # noqa: B006
    task: Annotated[
        Optional[Literal["classes", "numbers"]],  # noqa: UP045
        typer.Option(help="What the target is: classes to tell apart, or numbers (guessed)."),
    ] = None,
    header: Header = None,
    delimiter: Delimiter = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("schema.json"),
    as_json: AsJson = False,
) -> None:
    """Write the schema that all peers share by its hash: columns, categories, classes and scaling, no rows.

    Example: gossipfl data schema hospital.csv --target outcome --drop patient_id

    Without header: gossipfl data schema adult.csv --target last --no-header
    """
    from gossipfl.data import make_schema
    from gossipfl.data.describe import likely_identifiers

    made = make_schema(files, target, drop, numeric, categorical, task, header, delimiter)
    made.write(out)
    for name in likely_identifiers(files, made):
        typer.echo(
            f'Column "{name}" holds a different whole number in each row, as an identifier does;'
            f" leave it out with --drop {shlex.quote(name)} if it is one.",
            err=True,
        )
    if as_json:
        print_json({"schema": json.loads(made.to_json()), "hash": made.hash, "out": str(out)})
        return
    _print_columns(made)
    kind = f"{len(made.classes)} classes" if made.classes else "numbers"
    typer.echo(
        f"{out}: {len(made.columns)} columns, {len(made.feature_names)} features,"
        f' target "{made.target.name}" ({kind}), hash {made.hash[:16]}.',
        err=True,
    )


@app.command()
def show(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A file, or digits, breast_cancer, wine, diabetes.")
    ],
    schema_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--schema", help="A schema that the file is checked against.", show_default=False),
    ] = None,
    header: Header = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Show the columns of a file or data set: kind, missing cells, values; and the classes with their counts.

    Examples: gossipfl data show hospital.csv --schema schema.json; gossipfl data show digits
    """
    from gossipfl.data import DATASETS, Schema
    from gossipfl.data.describe import describe_dataset, describe_file
    from gossipfl.errors import DataError, instead

    if Path(source).exists():
        agreed = Schema.read(schema_file) if schema_file else None
        shown = describe_file(source, agreed, header, delimiter)
    elif source in DATASETS:
        shown = describe_dataset(source)
    elif Path(source).suffix:
        raise DataError(f"{source}: there is no such file; check the path.")
    else:
        raise DataError(f'"{source}" is neither a file nor a data set; {instead(source, DATASETS)}')
    if as_json:
        print_json(shown)
    else:
        _print_tables(shown)


def _print_columns(made: Schema) -> None:
    """Name and kind of each column, on standard error."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = Table("column", "kind")
    for column in made.columns[:_LISTED_MAX]:
        columns.add_row(escape(column.name), column.kind)
    if (further := len(made.columns) - _LISTED_MAX) > 0:
        columns.add_row(f"and {further} more", "")
    Console(stderr=True).print(columns)


def _print_tables(shown: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    columns = Table(title=f"{escape(shown['name'])}: {shown['rows']} rows")
    for heading, side in (("column", "left"), ("kind", "left"), ("missing", "right"), ("distinct", "right")):
        columns.add_column(heading, justify="right" if side == "right" else "left")
    columns.add_column("values")
    for column in shown["columns"]:
        columns.add_row(*(escape(str(value)) for value in column.values()))
    console.print(columns)
    if "classes" in shown:
        classes = Table(title=f"classes of {escape(shown['target'])}")
        classes.add_column("class")
        classes.add_column("rows", justify="right")
        for label, count in shown["classes"].items():
            classes.add_row(escape(label), str(count))
        console.print(classes)
