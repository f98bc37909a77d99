"""Many peers in one process.

network.py  the network in virtual time
faults.py   verdicts on messages: latency, loss
"""
