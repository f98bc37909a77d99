"""What faults cost a run in virtual time, against the same seeds without them.

cases.py    the faults, and what each may cost
watching.py one run, with what its peers did
__main__.py all cases and seeds over the cores, as a table
"""
