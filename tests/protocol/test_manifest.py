"""What peers must agree on, compared section by section."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest, differences

LAYOUT = layout_of((np.zeros(4, np.float32),))


def test_the_same_terms_have_the_same_hash_in_any_order() -> None:
    one = Manifest.of("trial", 10, LAYOUT, model={"kind": "softmax", "size": 4}, schema="abc")
    two = Manifest.of("trial", 10, LAYOUT, schema="abc", model={"size": 4, "kind": "softmax"})
    assert one.hash == two.hash
    assert not differences(one.digests, two.digests)


def test_the_sections_that_differ_are_named() -> None:
    one = Manifest.of("trial", 10, LAYOUT, model="softmax", schema="abc")
    two = Manifest.of("trial", 11, layout_of((np.zeros(4),)), model="softmax", learning="sgd")
    assert differences(one.digests, two.digests) == ("rounds", "layout", "schema", "learning")
    assert one.hash != two.hash
    assert one.run_id == two.run_id


def test_terms_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Manifest.of("trial", 10, LAYOUT, learning=float("nan"))
