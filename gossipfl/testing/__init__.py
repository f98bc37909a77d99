"""The conformance suite for plug-ins: what they must do to run in every driver.

In tests of your own:

    from gossipfl.testing import check_aggregator, check_algorithm, check_model

    def test_my_aggregator_conforms():
        check_aggregator(MyAggregator())

Rules:
- Each check raises `AssertionError` with what was expected, on which input; it returns nothing.
- "Bit for bit" is meant: a real node is a crowd of one, and must compute what a simulated crowd computes.
"""

from __future__ import annotations

from gossipfl.testing.aggregators import check_aggregator
from gossipfl.testing.algorithms import check_algorithm
from gossipfl.testing.attacks import check_attack
from gossipfl.testing.compressors import check_compressor
from gossipfl.testing.models import check_model

__all__ = ["check_aggregator", "check_algorithm", "check_attack", "check_compressor", "check_model"]
