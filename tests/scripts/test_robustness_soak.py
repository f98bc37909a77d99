"""The script that lets real processes soak: what it calls growth, and a picture of it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def samples(peer: int, grows_mib_per_h: float, *, leaks: bool = False) -> list[Any]:
    """An hour of a node that takes 20 MiB in its first minutes, and then so much more each hour."""
    sample = import_module("robustness_runs.soak.growth").Sample
    return [
        sample(
            peer,
            10.0 * step,
            step,
            int((60 + min(step, 20) + grows_mib_per_h * step / 360) * MIB),
            18 + (step // 20 if leaks else step % 3),
            28,
        )
        for step in range(360)
    ]


def soaked(*nodes: list[Any], records: list[dict[str, Any]] | None = None, calm_rounds: int = 9) -> Any:
    running, nemesis = (import_module(f"robustness_runs.soak.{name}") for name in ("running", "nemesis"))
    harms = [nemesis.Harm(kind, 60.0 * n, 60.0 * n + 5) for n, kind in enumerate(("killed", "halves"), 1)]
    told = [sample for own in nodes for sample in own]
    return running.Soaked(len(nodes), told, harms, [records or []], calm_rounds)


def missed(what: Any) -> list[str]:
    """The first words of the rows that fail."""
    rows = import_module("robustness_runs.soak.command").judged(what)
    return [row.name.split()[0] for row in rows if not row.passed]


def test_what_is_taken_at_the_start_and_kept_is_no_growth() -> None:
    assert missed(soaked(samples(0, 0.0), samples(1, 0.5))) == []


def test_one_node_of_many_that_grows_is_found() -> None:
    assert missed(soaked(samples(0, 0.0), samples(1, 3.0))) == ["memory"]
    assert missed(soaked(samples(0, 0.0), samples(1, 0.0, leaks=True))) == ["descriptors"]


def test_rounds_that_go_back_and_nodes_that_stand_still_are_found() -> None:
    closed: list[dict[str, Any]] = [
        {"kind": "round", "round": n, "duration_s": 1.0, "used": []} for n in (1, 2, 5, 4)
    ]
    assert missed(soaked(samples(0, 0.0), records=closed[:3])) == []
    assert missed(soaked(samples(0, 0.0), records=closed)) == ["of"]
    assert missed(soaked(samples(0, 0.0), calm_rounds=0)) == ["after"]


def test_it_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "soak.png"
    import_module("robustness_runs.soak.plot").draw(soaked(samples(0, 0.0)), path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_too_short_a_soak_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        import_module("robustness_runs.soak.command").main(["--minutes", "1"])
    assert "--minutes 3 or more" in capsys.readouterr().err
