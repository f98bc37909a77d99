"""The schema that all peers share: columns, categories, classes and scaling, agreed on by its hash.

Rules:
- It never carries a row: names, categories, classes, means and scales are all it knows.
- The hash covers what a model sees. How a file happens to be laid out (header, delimiter, dropped columns)
  travels with it but is not part of the hash.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gossipfl.errors import DataError

CATEGORIES_MAX = 100
CLASSES_MAX = 1_000
COLUMNS_MAX = 100_000
NAME_CHARS_MAX = 1_000
SCHEMA_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column of numbers; a model sees (number - mean) / scale, and 0 where it is missing."""

    __pydantic_config__ = {"extra": "forbid", "strict": True, "allow_inf_nan": False}  # noqa: RUF012

    name: str
    mean: float
    scale: float
    kind: Literal["numeric"] = "numeric"

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not (math.isfinite(self.mean) and math.isfinite(self.scale) and self.scale > 0):
            raise DataError(f'column "{self.name}" needs a finite mean and a finite scale above 0.')


@dataclass(frozen=True, slots=True)
class Categorical:
    """A column of words; a model sees a 1 for its word among the categories, and only 0 where missing."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # noqa: RUF012

    name: str
    categories: tuple[str, ...]
    kind: Literal["categorical"] = "categorical"

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.categories or len(set(self.categories)) < len(self.categories):
            raise DataError(f'column "{self.name}" needs categories, each given once.')
        for category in self.categories:
            _check_name(category)


Column = Numeric | Categorical


@dataclass(frozen=True, slots=True)
class Schema:
    """How the rows of a file become features and targets; a `Categorical` target has classes."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # noqa: RUF012

    columns: tuple[Column, ...]
    target: Column
    dropped: tuple[str, ...] = ()
    header: bool = True
    delimiter: str | None = None  # None: guessed per file

    def __post_init__(self) -> None:
        names = self.names
        if not self.columns or len(names) > COLUMNS_MAX:
            raise DataError(
                f"a schema has between 1 and {COLUMNS_MAX} columns, this one {len(self.columns)}."
            )
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise DataError(f'column "{twice[0]}" stands in the schema twice; keep one of the two.')
        for column in (*self.columns, self.target):
            bound = CLASSES_MAX if column is self.target else CATEGORIES_MAX
            if isinstance(column, Categorical) and len(column.categories) > bound:
                raise DataError(f'column "{column.name}" has more than {bound} categories.')
        check_delimiter(self.delimiter)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: those seen, those dropped, and the target."""
        return (*(column.name for column in self.columns), *self.dropped, self.target.name)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One per feature: the column's name, or `column=category`."""
        names: list[str] = []
        for column in self.columns:
            if isinstance(column, Numeric):
                names.append(column.name)
            else:
                names.extend(f"{column.name}={category}" for category in column.categories)
        return tuple(names)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """What to tell apart, or None where numbers are to be predicted."""
        return self.target.categories if isinstance(self.target, Categorical) else None

    @property
    def hash(self) -> str:
        """blake2b-256, in hex, over canonical JSON of what a model sees: columns and target."""
        seen = {"columns": [asdict(column) for column in self.columns], "target": asdict(self.target)}
        canonical = json.dumps(seen, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.blake2b(canonical.encode("ascii"), digest_size=32).hexdigest()

    def to_json(self) -> str:
        """Text that a person can read and `from_json` takes back."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "schema") -> Schema:
        """The schema written in `text`; DataError, which begins with `where`, if it is not one."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            at = f' at "{place}"' if place else ""
            raise DataError(
                f"{where}: not a schema{at}: {_lower(first['msg'])}; write it anew with"
                " `gossipfl data schema`."
            ) from None
        except DataError as wrong:
            raise DataError(f"{where}: {wrong}") from None

    def write(self, path: str | Path) -> None:
        """Writes `schema.json` or the like."""
        try:
            Path(path).write_text(self.to_json(), encoding="utf-8")
        except OSError as wrong:
            raise DataError(f"{path}: the schema cannot be written there: {wrong.strerror}.") from None

    @classmethod
    def read(cls, path: str | Path) -> Schema:
        """The schema in a file; DataError if the file is absent, too large or not a schema."""
        try:
            with Path(path).open("rb") as file:
                text = file.read(SCHEMA_BYTES_MAX + 1)
        except OSError as wrong:
            raise DataError(
                f"{path}: the schema cannot be read: {wrong.strerror}; write it with `gossipfl data schema`."
            ) from None
        if len(text) > SCHEMA_BYTES_MAX:
            raise DataError(f"{path}: larger than {SCHEMA_BYTES_MAX >> 20} MiB; this is not a schema.")
        return cls.from_json(text, str(path))


def check_delimiter(delimiter: str | None) -> None:
    """DataError unless it is None or can part cells."""
    if delimiter is not None and (len(delimiter.encode()) != 1 or delimiter in '"\r\n\0'):
        raise DataError(f'delimiter {delimiter!r} must be one ASCII character that is no quote, such as ";".')


def _check_name(name: str) -> None:
    if not name or len(name) > NAME_CHARS_MAX:
        raise DataError(f'"{name[:40]}" must have between 1 and {NAME_CHARS_MAX} characters.')


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
