"""Many peers in one process.

network.py  the network in virtual time: real peers; agenda.py their events to come, trace.py those that came
lives.py    who of them is there; links.py what arrives; trainings.py what they train
mishaps.py  which fault befalls whom, and when
crowd.py    the crowd: the algorithm of all peers at once, over arrays
ties.py     who hears whom in a round of a crowd; hearsay.py what they say; states.py what they are
collusion.py  attackers, and what they know together; hostility.py, what they say over a network
workers.py  threads for the crowd's blocks; shelf.py where its arrays lie
faults/     verdicts on messages, and plans of what befalls whom
baselines.py  what no cooperation, all rows in one place, or a server would have given
"""
