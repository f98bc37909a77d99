"""The rows that an experiment names, and how they are dealt: what judges all, and what each peer has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gossipfl.data import Dataset, Schema, load_dataset, make_schema, read_table, train_test
from gossipfl.data import split as split_rows
from gossipfl.draws import Draws
from gossipfl.errors import DataError
from gossipfl.experiment.settings import DataSettings
from gossipfl.learn.contracts import Array

TEST_SEED = 2
"""Draws the common test part: runs with different seeds are judged by the same rows."""


def load_data(settings: DataSettings) -> Dataset:
    """The data that `settings` name; digits if they name none."""
    if settings.file is None:
        return load_dataset(settings.dataset or "digits")
    return read_table(settings.file, schema_of(settings, settings.file))


def schema_of(settings: DataSettings, file: str) -> Schema:
    """The schema that `settings` name, or one made from `file`."""
    if settings.schema_file is not None:
        return Schema.read(settings.schema_file)
    if settings.target is None:
        raise DataError(f"{Path(file).name} needs data.target, the column to predict, or data.schema.")
    return make_schema([file], settings.target, drop=settings.drop, task=settings.task)


def split(
    settings: DataSettings, dataset: Dataset, held: Array, peers: int | None, seed: int
) -> tuple[Sequence[Array] | Array, tuple[str, ...] | None]:
    """`held` rows split among peers, in an array (n, k) where all get as many; and the names of the peers
    where the split is a natural one."""
    groups = None
    if settings.split == "column":
        column = settings.column or ""
        if column not in dataset.groups:
            raise DataError(
                f'data.column = "{column}" is no column to split by: known are '
                f"{', '.join(dataset.groups) or 'none'}."
            )
        groups = dataset.groups[column][held]
    parts, names = split_rows(
        settings.split,
        dataset.targets[held],
        peers,
        Draws(seed),
        alpha=settings.alpha,
        per_peer=settings.per_peer,
        samples=settings.samples,
        groups=groups,
        classes=dataset.classes is not None,
    )
    if isinstance(parts, np.ndarray):
        return held.astype(np.int32)[parts], names
    return [held[part] for part in parts], names


def common_test(settings: DataSettings, dataset: Dataset) -> tuple[Array, Dataset]:
    """The rows of `dataset` that are left to train on, and the data that all models are judged by."""
    if settings.test_file is not None:
        if dataset.schema is None:
            raise DataError("data.test_file needs data.file, a table with the same columns: give both.")
        return np.arange(len(dataset)), read_table(settings.test_file, dataset.schema)
    stratify = dataset.targets if dataset.classes else None
    held, test = train_test(len(dataset), settings.test_fraction, Draws(TEST_SEED), stratify=stratify)
    if not len(test):
        raise DataError(
            f"data.test_fraction = {settings.test_fraction} of {len(dataset)} rows leaves none to judge by: "
            "make it larger, or give data.test_file."
        )
    return held, replace(dataset, features=dataset.features[test], targets=dataset.targets[test], groups={})


def local_parts(
    settings: DataSettings, parts: Sequence[Array] | Array, seed: int
) -> tuple[Sequence[Array] | Array, list[Array] | None]:
    """The rows of each peer that it trains on, and those it keeps back to be judged by, if any."""
    if not settings.local_test_fraction:
        return parts, None
    train, test = [], []
    for number, part in enumerate(parts):
        kept, tested = train_test(len(part), settings.local_test_fraction, Draws(seed, number, round=2))
        train.append(part[kept])
        test.append(part[tested])
    return train, test
