"""What faults and attackers cost a run in virtual time, against the same seeds without them.

cases.py    the faults, and what each may cost
watching.py one run, with what its peers did
grid.py     attacks and rules, and one run of them
byzantine.py all rules, attacks and seeds over the cores, as a table
page.py     the page that both write into
__main__.py all cases and seeds over the cores, as a table; or what byzantine.py does
"""
