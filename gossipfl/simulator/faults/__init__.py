"""What may befall a run: rules that give a verdict on every message, and plans of what befalls whom.

verdicts.py    what a rule may say, and what all rules together come to
conditions.py  rules for a network as it is: latency, loss and others
plans.py       what befalls peers and network in the course of a run
attendance.py  who is there in which round; cuts.py which links a partition cuts
chances.py     numbers to draw by, the same for the same seed
"""

from gossipfl.simulator.faults.conditions import (
    Bandwidth,
    Corruption,
    Duplication,
    Latency,
    LatencyMatrix,
    LogNormalLatency,
    Loss,
    Reordering,
)
from gossipfl.simulator.faults.plans import (
    Absence,
    Back,
    Churn,
    DropOut,
    Fault,
    Kill,
    Leave,
    Partition,
    Pause,
    Schedule,
    Sessions,
    Skew,
    Slow,
)
from gossipfl.simulator.faults.verdicts import (
    LOST,
    PASS,
    Corrupt,
    Deliver,
    Fate,
    Instead,
    Lost,
    Pass,
    Rule,
    Verdict,
    judge,
)

__all__ = [
    "LOST",
    "PASS",
    "Absence",
    "Back",
    "Bandwidth",
    "Churn",
    "Corrupt",
    "Corruption",
    "Deliver",
    "DropOut",
    "Duplication",
    "Fate",
    "Fault",
    "Instead",
    "Kill",
    "Latency",
    "LatencyMatrix",
    "Leave",
    "LogNormalLatency",
    "Loss",
    "Lost",
    "Partition",
    "Pass",
    "Pause",
    "Reordering",
    "Rule",
    "Schedule",
    "Sessions",
    "Skew",
    "Slow",
    "Verdict",
    "judge",
]
