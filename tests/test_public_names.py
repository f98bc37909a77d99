"""The public surface is what the package says it is, and loads only when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gossipfl


@pytest.mark.parametrize("name", gossipfl.__all__)
def test_each_public_name_is_there_and_explains_itself(name: str) -> None:
    assert getattr(gossipfl, name).__doc__


def test_each_public_name_has_one_home() -> None:
    homes = [name for names in gossipfl._HOMES.values() for name in names]
    assert sorted(homes) == sorted(gossipfl.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="simulat"):
        gossipfl.simulat  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import gossipfl", "numpy pydantic sklearn scipy polars matplotlib trio nacl networkx"),
        ("import gossipfl.cli.app", "numpy pydantic sklearn scipy polars matplotlib trio nacl networkx"),
        (
            "import gossipfl.node.runner, gossipfl.experiment.member",
            "sklearn scipy polars matplotlib networkx",
        ),
    ],
)
def test_heavy_libraries_load_only_when_used(statement: str, absent: str) -> None:
    code = f"import sys; {statement}; print(*({set(absent.split())!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
