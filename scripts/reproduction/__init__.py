"""The laws and tables that gossipfl is held to, each measured by running real peers in virtual time.

consensus.py        R1  mixing shrinks differences by the second eigenvalue
finite_time.py      R2  schedules that agree exactly
heterogeneity.py    R3  which algorithms reach the common optimum from unlike data
push_sum.py         R4  directed graphs and lost messages
compression.py      R5  compressed gossip
gossip_learning.py  R6  models that walk and merge
dirichlet.py        R7  algorithms on ever less alike data
epidemic.py         R8  graphs drawn afresh in every round
byzantine.py        R9  rules against attackers
weighting.py        R11 shards of unlike size

catalogue.py   all of them, by name
outcome.py     what a reproduction is made of
gossiping.py   peers with vectors of our own instead of models
datasets.py    public data sets, from their files
plots.py       figures
page.py        the tables
__main__.py    the command

A reproduction is a list of runs, each a function of its arguments that any process can call, and one function
that makes rows and figures of their results.
"""
