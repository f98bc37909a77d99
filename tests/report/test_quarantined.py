"""The table of a run says who was shut out, and for what."""

from __future__ import annotations

from gossipfl.report.run import Run
from gossipfl.report.table import summary_rows


def rows(quarantined: object) -> dict[str, str]:
    summary = {"peers": 4, "finished": 4, "rounds": 1, "metric": "accuracy", "quarantined": quarantined}
    return dict(summary_rows(Run({}, [], summary, {}, {}, None)))


def test_who_was_shut_out_is_counted_by_what_for() -> None:
    told = rows({"equivocation": [1, 2, 3], "malformed": [0]})["Quarantined peers"]
    assert told == "3, by proof; 1, for malformed"


def test_where_nobody_was_there_is_no_row() -> None:
    assert "Quarantined peers" not in rows({})
    assert "Quarantined peers" not in rows(None)
