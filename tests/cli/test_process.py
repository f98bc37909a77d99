"""One node as a process: what it wrote is read once, though it begins another file."""

from __future__ import annotations

from pathlib import Path

from gossipfl.cli.process import Process


def test_a_node_that_begins_afresh_is_read_from_its_beginning(tmp_path: Path) -> None:
    records = tmp_path / "state" / "records.jsonl"
    records.parent.mkdir()
    process = Process(0, tmp_path)
    records.write_text('{"round": 1}\n{"round": 2}\n{"round"', "utf-8")
    assert [record["round"] for record in process.news()] == [1, 2]
    assert not list(process.news())
    records.replace(tmp_path / "state" / "before")
    records.write_text('{"round": 1}\n', "utf-8")
    assert [record["round"] for record in process.news()] == [1]
