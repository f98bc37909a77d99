"""What real processes on this machine bear: killed, cut off, slow and silent peers.

seen.py    a run of `gossipfl up`, and what its records tell
rows.py    the harm, and what must come of it
"""
