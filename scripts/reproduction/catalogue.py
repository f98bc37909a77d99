"""All reproductions, in the order in which they are told."""

from __future__ import annotations

from reproduction import (
    byzantine,
    compression,
    consensus,
    dirichlet,
    epidemic,
    finite_time,
    gossip_learning,
    heterogeneity,
    push_sum,
    weighting,
)
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
    Reproduction(
        "R3",
        "Unlike data: D-PSGD stops short of the common optimum, exact methods reach it",
        "Lian et al. 2017, arXiv 1705.09056; Tang et al. 2018, arXiv 1803.07068; Shi et al. 2015, arXiv"
        " 1404.6264; Nedic et al. 2017, arXiv 1607.03218; Vogels et al. 2021, arXiv 2110.04175.",
        heterogeneity.plan,
        heterogeneity.conclude,
    ),
    Reproduction(
        "R4",
        "One-way links and lost messages: push-sum finds the true mean",
        "Kempe et al., FOCS 2003; Hadjicostis et al., IEEE Trans. Autom. Control 2016.",
        push_sum.plan,
        push_sum.conclude,
    ),
    Reproduction(
        "R5",
        "Compressed gossip reaches the exact mean for a fraction of the bytes",
        "Koloskova et al., ICML 2019, arXiv 1902.00340; ICLR 2020, arXiv 1907.09356.",
        compression.plan,
        compression.conclude,
    ),
    Reproduction(
        "R6",
        "Gossip learning: models that merge learn where each peer holds one record",
        "Ormandi et al., Concurrency and Computation 2013, arXiv 1109.1396.",
        gossip_learning.plan,
        gossip_learning.conclude,
        needs_data=True,
        in_quick=False,
    ),
    Reproduction(
        "R7",
        "The less alike the data, the more a correction is worth",
        "Hsu et al. 2019, arXiv 1909.06335; Lin et al., ICML 2021, arXiv 2102.04761.",
        dirichlet.plan,
        dirichlet.conclude,
        needs_data=True,
        in_quick=False,
    ),
    Reproduction(
        "R8",
        "Graphs drawn afresh in every round mix as fast as their law says",
        "De Vos et al., NeurIPS 2023, arXiv 2310.01972.",
        epidemic.plan,
        epidemic.conclude,
    ),
    Reproduction(
        "R9",
        "Four of twenty attack: the mean breaks, robust rules hold",
        "He et al. 2022, arXiv 2202.01545; Allouah et al., AISTATS 2023, arXiv 2302.01772; Guo et al. 2022,"
        " arXiv 2002.08569.",
        byzantine.plan,
        byzantine.conclude,
        needs_data=True,
        in_quick=False,
    ),
    Reproduction(
        "R11",
        "Shards of unlike size: peers count by their samples",
        "Hastings, Biometrika 1970.",
        weighting.plan,
        weighting.conclude,
        needs_data=True,
        in_quick=False,
    ),
)
