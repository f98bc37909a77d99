"""What may happen to messages: rules, each of which gives a verdict on every message.

verdicts.py    what a rule may say, and what all rules together come to
chances.py     numbers to draw by, the same for the same seed
conditions.py  rules for a network as it is: latency, loss
"""

from gossipfl.simulator.faults.conditions import Latency, Loss
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
    "Corrupt",
    "Deliver",
    "Fate",
    "Instead",
    "Latency",
    "Loss",
    "Lost",
    "Pass",
    "Rule",
    "Verdict",
    "judge",
]
