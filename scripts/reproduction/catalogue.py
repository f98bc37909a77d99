"""All reproductions, in the order in which they are told."""

from __future__ import annotations

from reproduction import consensus, finite_time
from reproduction.outcome import Reproduction

REPRODUCTIONS = (
    Reproduction(
        "R1",
        "Mixing shrinks differences by the second eigenvalue",
        "Xiao and Boyd, Syst. Control Lett. 2004; Ying et al., NeurIPS 2021, arXiv 2110.13363.",
        consensus.plan,
        consensus.conclude,
    ),
    Reproduction(
        "R2",
        "Schedules that agree exactly after one period",
        "Ying et al., NeurIPS 2021, arXiv 2110.13363; Takezawa et al., NeurIPS 2023, arXiv 2305.11420.",
        finite_time.plan,
        finite_time.conclude,
    ),
)
