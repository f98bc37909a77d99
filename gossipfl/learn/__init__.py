"""Learning: models, algorithms and aggregators, arrays in and arrays out.

contracts.py    what a model, an algorithm and an aggregator are; Samples
models.py       linear and softmax regression, MLP: layers.py, batches.py, metrics.py, training.py
estimators.py   scikit-learn estimators as models
dpsgd.py, combine_then_adapt.py, momentum.py, quasi_global.py, gradient_tracking.py, exact_diffusion.py,
extra.py        the algorithms, one each
pair_averaging.py, random_walk.py, merge_update.py, update_merge.py, partitioned.py, sampled.py
                those of peers at their own pace: merging.py
pegasos.py      a linear SVM whose step follows from its age
aggregators.py  the weighted mean
registry.py     their names in settings
"""
