"""Real processes that run for long while one harm after another is done to them: does anything grow?

command.py which run, the table and the plot
running.py the run: nodes, harm, and samples of what they hold
nemesis.py the harm
growth.py  how much each count grew
plot.py    all samples and all harm over time
"""
