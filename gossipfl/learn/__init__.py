"""Learning: models, algorithms, aggregators and compressors, arrays in and arrays out.

contracts.py    what each of these is; Samples
models.py       linear and softmax regression, MLP: layers.py, metrics.py, training.py
minibatches.py  a round of training, whatever computes its steps; batches.py, who takes which rows
pytorch/        modules of PyTorch as models
estimators.py   scikit-learn estimators as models; pegasos.py, the linear SVM of gossip learning
algorithms/     what a peer computes, one file each
robust/         rules that stand hostile neighbours, one file each
aggregators.py  the weighted mean; mixing.py, the same for many peers who hear of one another
compiled/       kernels that do in the cache what NumPy does in passes over memory
attacks/        what hostile peers say, hold or do, one file each
compressors/    vectors made smaller, one file each
registry.py     their names in settings; options.py, what may be said of each
"""
