"""Learning: models, algorithms and aggregators, arrays in and arrays out.

contracts.py    what a model, an algorithm and an aggregator are; Samples
models.py       linear and softmax regression, MLP: layers.py, batches.py, metrics.py, training.py
estimators.py   scikit-learn estimators as models
dpsgd.py        D-PSGD
aggregators.py  the weighted mean
registry.py     their names in settings
"""
