"""Data: load, agree on a schema, read what fits it, split among peers."""

from gossipfl.data.agree import make_schema
from gossipfl.data.bundled import DATASETS, load_dataset
from gossipfl.data.fit import read_features, read_table
from gossipfl.data.schema import Categorical, Numeric, Schema
from gossipfl.data.splits import (
    bootstrap,
    by_column,
    dirichlet,
    iid,
    pathological,
    quantile_labels,
    quantity,
    shards,
    split,
    train_test,
)
from gossipfl.data.table import Dataset

__all__ = [
    "DATASETS",
    "Categorical",
    "Dataset",
    "Numeric",
    "Schema",
    "bootstrap",
    "by_column",
    "dirichlet",
    "iid",
    "load_dataset",
    "make_schema",
    "pathological",
    "quantile_labels",
    "quantity",
    "read_features",
    "read_table",
    "shards",
    "split",
    "train_test",
]  # fmt: skip
