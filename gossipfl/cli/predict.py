"""`gossipfl predict`: what a trained model says of new rows."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json
from gossipfl.errors import DataError

if TYPE_CHECKING:
    from gossipfl.experiment.modelfile import Explanation

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A .safetensors file of a run or a node.")]
Table = Annotated[Path, typer.Argument(metavar="FILE", help="New rows, in the columns of the training data.")]
Probabilities = Annotated[bool, typer.Option("--probabilities", help="Add a column per class.")]
Factory = Annotated[
    str | None, typer.Option(metavar="FILE:NAME", help="What makes the module, if it is one of PyTorch.")
]
Out = Annotated[Path | None, typer.Option(metavar="CSV", help="Write the CSV here, not to standard output.")]


def predict(
    model: ModelFile,
    file: Table,
    probabilities: Probabilities = False,
    factory: Factory = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Predict each row of a table and write a CSV with one line per row, which begins with the row's number.

    Examples:

    `gossipfl predict runs/ring-8/models/averaged.safetensors new.csv`

    `gossipfl predict hospital-a/state/model.safetensors new.csv --probabilities --out risk.csv`
    """
    from gossipfl.experiment.modelfile import load_model

    vector, explanation = load_model(model, factory)
    header, rows = _predictions(vector, explanation, file, probabilities)
    if out is not None:
        try:
            with out.open("w", encoding="utf-8", newline="") as target:
                _write(target, header, rows)
        except OSError as error:
            raise DataError(f"{out} cannot be written ({error.strerror}): choose another --out.") from None
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in rows])
    elif out is None:
        _write(sys.stdout, header, rows)


def _predictions(
    vector: Any, explanation: Explanation, file: Path, probabilities: bool
) -> tuple[list[str], list[list[object]]]:
    from gossipfl.data import read_features

    if explanation.schema is None:
        raise DataError("This model has no schema to read a table by: train it on a table or a bundled set.")
    model = explanation.build()
    features, numbered = read_features(file, explanation.schema)
    predicted = model.predict(vector, features.astype(model.dtype))
    rows = numbered.tolist()
    if explanation.classes is None:
        if probabilities:
            raise DataError("This model predicts numbers, which have no probabilities: leave the option out.")
        numbers = predicted.astype(float) * explanation.target_scale + explanation.target_mean
        return ["row", "prediction"], [
            [row, float(number)] for row, number in zip(rows, numbers, strict=True)
        ]
    best = [explanation.classes[index] for index in predicted.argmax(axis=-1)]
    if not probabilities:
        return ["row", "prediction"], [list(pair) for pair in zip(rows, best, strict=True)]
    header = ["row", "prediction", *(f"probability_{name}" for name in explanation.classes)]
    return header, [
        [row, name, *map(float, each)] for row, name, each in zip(rows, best, predicted, strict=True)
    ]


def _write(target: Any, header: list[str], rows: list[list[object]]) -> None:
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
