"""What gossipfl costs on this machine, as shares of what the machine can do.

catalogue.py    the workloads by name: sizes, threads, kernels, and which are compared with which
digits_boot.py  peers with 64 bootstrapped digits each: training, mixing, rounds of two engines
models.py       what they train, and what a sample costs each model
others.py       the wire, the start of a process
measuring.py    one measurement, in a process of its own
task.py         what a measuring process is given to do
peaks.py        what the machine can do: products of matrices, copies
trees.py        the code to measure: this checkout, or a commit beside it
records.py      measurements as JSON lines
tables.py       measurements as Markdown
partition.py    on paper: what crosses between the machines of a cluster
__main__.py     the command

The command imports nothing heavy and measures nothing itself: every measurement is a fresh process, so that
its peak memory is its own, none warms the caches of another, and two commits run in turn.
"""
