"""Many peers in one process.

network.py  the network in virtual time: real peers; agenda.py their events to come, trace.py those that came
crowd.py    the crowd: the algorithm of all peers at once, over arrays
ties.py     who hears whom in a round of a crowd; hearsay.py what they say; states.py what they are
workers.py  threads for the crowd's blocks; shelf.py where its arrays lie
faults/     verdicts on messages: latency, loss and others
baselines.py  what no cooperation, all rows in one place, or a server would have given
"""
