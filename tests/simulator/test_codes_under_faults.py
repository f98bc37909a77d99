"""Algorithms that speak in codes: what they agree on, and what loss, a crash and a late joiner do to that."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from quadratics import Quadratics
from worlds import ring

from gossipfl.learn.registry import build_algorithm
from gossipfl.simulator.faults import Latency, Loss, Rule, Schedule

PEERS = 6
CODES = {
    "choco": "top-k",
    "choco-diffusion": "few-bits",
    "direct": "bfloat16",
    "deepsqueeze": "int8",
    "moniqua": None,
}
CASES = list(CODES.items())
CRASH_AND_LATE = Schedule(kills={5: 1, 2: 60}, restarts={5: 20})


def world(
    name: str,
    compressor: str | None,
    *rules: Rule,
    schedule: Schedule | None = None,
) -> Quadratics:
    """Peers that step down unlike quadratics for a while, and then only gossip."""
    compression = {"share": 0.34} if compressor == "top-k" else {}
    options = {"bits": 12, "reach": 8.0} if name == "moniqua" else {}
    return Quadratics(
        lambda: build_algorithm(name, compressor=compressor, compression=compression, options=options),
        ring(PEERS),
        400,
        0.02,
        rules=(Latency(0.01), *rules),
        schedule=schedule or Schedule(),
        calm_after=200,
    ).run()


@pytest.mark.parametrize("compressor", ["none", "int8", "few-bits", "sign", "top-k", "random-k"])
@pytest.mark.parametrize("name", ["choco", "choco-diffusion"])
def test_compressed_differences_lead_to_the_exact_mean(name: str, compressor: str) -> None:
    options = {"gain": 0.0} if name == "choco-diffusion" else {}
    compression = {"share": 0.5} if "-k" in compressor else {}
    agreed = Quadratics(
        lambda: build_algorithm(name, compressor=compressor, compression=compression, options=options),
        ring(PEERS),
        200,
        rate=1.0,
        rules=(Latency(0.01),),
        calm_after=1,  # one step takes all apart from where all begin; then they only gossip
    ).run()
    assert agreed.error((agreed.curvature * agreed.wanted).mean(0)) < 1e-9


@cache
def fair(name: str, compressor: str | None) -> Quadratics:
    """That world where nothing befalls anybody."""
    return world(name, compressor)


@pytest.mark.parametrize(("name", "compressor"), CASES)
def test_codes_come_as_near_the_optimum_as_whole_models_do(name: str, compressor: str | None) -> None:
    coded, whole = fair(name, compressor), fair("dpsgd", None)
    assert coded.spread < 0.05
    assert coded.error(coded.optimum()) < 1.3 * whole.error(whole.optimum()) + 0.05


@pytest.mark.parametrize(("name", "compressor"), CASES)
def test_loss_a_crash_and_a_late_joiner_do_little_harm(name: str, compressor: str | None) -> None:
    calm = fair(name, compressor)
    faulty = world(name, compressor, Loss(0.1, 3), schedule=CRASH_AND_LATE)
    alive = sorted(faulty.network.finished)
    assert alive == [0, 1, 3, 4, 5]
    assert faulty.network.traffic.messages_lost > 100
    assert np.isfinite(faulty.models).all()
    assert faulty.spread < 0.1
    assert faulty.error(faulty.optimum(alive)) < 2.5 * calm.error(calm.optimum()) + 0.1
