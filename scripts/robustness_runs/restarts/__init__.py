"""A node that is killed by SIGKILL again and again while its run goes on.

command.py  how many kills, and the table
killing.py  four real processes, one of which is killed at random moments
audit.py    what their records tell of what was used, lost and forgotten
"""
