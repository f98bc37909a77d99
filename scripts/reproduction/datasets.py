"""The public data sets, from a folder that holds one folder for each, as data for `gossipfl.simulate`."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl import Dataset

NAMES = ("mnist10k", "fmnist10k", "a9a", "spambase", "adult", "ai4i")
Arrays = tuple[NDArray[Any], NDArray[Any]]

PIXEL_MAX = 255.0
SIDE = 28
ROWS = 10_000


def load(folder: Path, name: str) -> Dataset:
    """The data set called `name`, one of NAMES, from its folder in `folder`."""
    if name.endswith("mnist10k"):
        return _images(folder, name)
    return {"a9a": a9a, "spambase": _spambase, "adult": _adult, "ai4i": _ai4i}[name](folder)


def a9a(folder: Path) -> Dataset:
    """32,561 people, 123 binary features, and whether each earns over 50,000 dollars."""
    from sklearn.datasets import load_svmlight_file

    features, labels = load_svmlight_file(str(folder / "a9a" / "a9a"), n_features=123)
    return Dataset.of(features.toarray(), labels.astype(np.int64), "a9a")


def _images(folder: Path, name: str) -> Dataset:
    """10,000 images of 28 x 28 pixels in [0, 1], of ten digits ("mnist10k") or garments ("fmnist10k")."""
    pixels, labels = (_mnist if name == "mnist10k" else _fashion)(folder / name)
    return Dataset.of(pixels.reshape(ROWS, SIDE * SIDE) / PIXEL_MAX, labels, name)


def _spambase(folder: Path) -> Dataset:
    """4,601 messages, 57 standardised features, and whether each is spam."""
    rows = np.loadtxt(folder / "spambase" / "spambase.data", delimiter=",")
    return Dataset.of(_standardised(rows[:, :-1]), rows[:, -1].astype(np.int64), "spambase")


def _adult(folder: Path) -> Dataset:
    """The 32,561 people of a9a as they were asked: six numbers, eight columns of words."""
    with (folder / "adult" / "adult-train.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    numbers = (0, 2, 4, 10, 11, 12)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    words = [column for place, column in enumerate(columns[:-1]) if place not in numbers]
    return _table([columns[place].astype(float) for place in numbers], words, columns[-1], "adult")


def _ai4i(folder: Path) -> Dataset:
    """10,000 runs of a milling machine, five numbers and its quality, and whether it failed."""
    with (folder / "ai4i" / "ai4i2020.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("Air temperature", "Process temperature", "Rotational speed", "Torque", "Tool wear")
    numbers = [np.array([float(row[name]) for row in rows]) for name in names]
    failed = np.array([int(row["Machine failure"]) for row in rows])
    return _table(numbers, [np.array([row["Type"] for row in rows])], failed, "ai4i")


def _table(
    numbers: list[NDArray[Any]], words: list[NDArray[Any]], targets: NDArray[Any], name: str
) -> Dataset:
    """Numbers standardised, words as one column for each."""
    hot = [np.unique(column)[None, :] == column[:, None] for column in words]
    features = np.concatenate([_standardised(np.stack(numbers, axis=1)), *hot], axis=1)
    return Dataset.of(features.astype(float), targets, name)


def _mnist(folder: Path) -> Arrays:
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    return (
        np.frombuffer(images, np.uint8, offset=16).astype(float),
        np.frombuffer(labels, np.uint8, offset=8).astype(np.int64),
    )


def _fashion(folder: Path) -> Arrays:
    """Tiles of one picture, 100 a row, and a line of the other file for each."""
    from matplotlib.image import imread

    picture = imread(folder / "Fashion_MNIST_sprites.png")
    grey = picture if picture.ndim == 2 else picture[..., 0]
    tiles = grey.reshape(100, SIDE, 100, SIDE).swapaxes(1, 2).reshape(ROWS, SIDE, SIDE)
    labels = np.loadtxt(folder / "Fashion_MNIST_labels.tsv", dtype=np.int64)
    return tiles * PIXEL_MAX, labels


def _standardised(values: NDArray[Any]) -> NDArray[Any]:
    scale = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(scale == 0, 1.0, scale))
