"""Rules that combine vectors some of which may be hostile: aggregators that stand `attackers` of those heard.

order.py             places of values among the vectors; own and heard as one stack
distances.py         how far vectors are apart, exact enough for float32
guarding.py          what all rules share: too few heard, newcomers, peers that count for more
trimmed_mean.py      without the least and the greatest values of each coordinate
median.py            the middle value of each coordinate
krum.py              the vector, or the vectors, nearest to the others
geometric_median.py  the point with the least sum of distances
clipping.py          differences to the own vector cut to a radius
nna.py               the mean with the nearest neighbours
nearby.py            the mean with all neighbours that do not stand out
ubar.py              the nearest neighbours that do well on the own rows
balance.py           the neighbours nearer than the own last step allows
nnm.py, bucketing.py mixing in front of any rule
known.py             a rule once an attacker is known
catalogue.py         their names, papers and bounds
"""
