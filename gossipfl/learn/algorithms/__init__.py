"""The algorithms, each a file that begins with its paper.

whole models    dpsgd.py, combine_then_adapt.py, momentum.py, quasi_global.py
exact           gradient_tracking.py, exact_diffusion.py, local_exact_diffusion.py, extra.py, relay.py
by mass         push_sum.py
in few bytes    direct.py, choco.py, choco_diffusion.py, deepsqueeze.py, moniqua.py
at their pace   pair_averaging.py, random_walk.py, merge_update.py, update_merge.py
                partitioned.py, sampled.py; merging.py, how models that wander become one
links.py        what is remembered of a link, so that what is lost on it is made good
"""
