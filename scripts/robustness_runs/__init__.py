"""What faults and attackers cost, against the same seeds without them.

__main__.py  which of them is asked for
faults.py    all faults of cases.py and seeds over the cores, in virtual time; watching.py, one such run
byzantine.py all rules and attacks of grid.py and seeds over the cores
page.py      the page that both write into
processes/   harm to real processes on this machine, and what must come of it
restarts/    a real process that is killed again and again
hostile/     real processes, and raw attackers at their sockets
"""
