"""One peer's rows as arrays, ready to learn from: what `gossipfl up` hands to each node that it starts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gossipfl.data import Dataset, Schema
from gossipfl.data.files import NOT_NPZ
from gossipfl.errors import DataError
from gossipfl.learn.contracts import Array


def write_prepared(path: Path, dataset: Dataset, rows: Array) -> None:
    """Write the `rows` of `dataset` to `path`, with what explains them."""
    words = {
        "feature_names": dataset.feature_names,
        "classes": dataset.classes,
        "target_mean": dataset.target_mean,
        "target_scale": dataset.target_scale,
        "schema": dataset.schema.to_json() if dataset.schema else None,
    }
    np.savez(
        path,
        features=dataset.features[rows],
        targets=dataset.targets[rows],
        words=np.frombuffer(json.dumps(words).encode(), np.uint8),
    )


def read_prepared(path: Path) -> Dataset:
    """The rows written to `path`. Raises `DataError`."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # which would not close it
            words = json.loads(arrays["words"].tobytes())
            return Dataset(
                features=arrays["features"],
                targets=arrays["targets"],
                feature_names=tuple(words["feature_names"]),
                classes=tuple(words["classes"]) if words["classes"] is not None else None,
                name=path.stem,
                target_mean=float(words["target_mean"]),
                target_scale=float(words["target_scale"]),
                schema=Schema.from_json(words["schema"]) if words["schema"] is not None else None,
            )
    except (*NOT_NPZ, KeyError) as error:
        raise DataError(f"{path} does not hold prepared rows ({error}): run `gossipfl up` again.") from None
