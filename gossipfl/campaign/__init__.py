"""A stress campaign: a grid of experiments, run in processes of their own, and what came of it as one value.

run.py        a campaign from its plan to its result, resumed where it was
check.py      every cell is built before the first runs
pool.py       the processes; worker.py, what one of them does
measures.py   what is measured of a run
ledger.py     the folder: one line per run, kept through whatever ends the campaign
verdict.py    the runs as figures of cells, held against requirements
"""
