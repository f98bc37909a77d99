"""What real processes on this machine bear: killed, cut off, slow and silent peers.

command.py which rows, and the table
seen.py    a run of `gossipfl up`, and what its records tell
rows.py    the harm, and what must come of it
"""
