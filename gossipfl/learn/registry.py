"""The names by which settings call models, algorithms and compressors; what is known of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.algorithms.choco import Choco
from gossipfl.learn.algorithms.choco_diffusion import ChocoDiffusion
from gossipfl.learn.algorithms.combine_then_adapt import CombineThenAdapt
from gossipfl.learn.algorithms.deepsqueeze import DeepSqueeze
from gossipfl.learn.algorithms.direct import Direct
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.exact_diffusion import ExactDiffusion
from gossipfl.learn.algorithms.extra import Extra
from gossipfl.learn.algorithms.gradient_tracking import GradientTracking
from gossipfl.learn.algorithms.local_exact_diffusion import LocalExactDiffusion
from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.momentum import Momentum
from gossipfl.learn.algorithms.moniqua import Moniqua
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.algorithms.partitioned import Partitioned
from gossipfl.learn.algorithms.push_sum import PushSum
from gossipfl.learn.algorithms.quasi_global import QuasiGlobal
from gossipfl.learn.algorithms.random_walk import RandomWalk
from gossipfl.learn.algorithms.relay import RelaySum
from gossipfl.learn.algorithms.sampled import Sampled
from gossipfl.learn.algorithms.update_merge import UpdateMerge
from gossipfl.learn.compressors import build_compressor
from gossipfl.learn.contracts import Aggregator, Algorithm, Compressor, Model
from gossipfl.learn.estimators import ESTIMATORS, Estimator
from gossipfl.learn.models import FloatName, linear, mlp, softmax
from gossipfl.learn.options import checked
from gossipfl.learn.pegasos import Pegasos
from gossipfl.learn.pytorch import TorchModel
from gossipfl.learn.training import DEFAULT, Training

MODELS = ("linear", "softmax", "mlp", "pegasos", *ESTIMATORS)


@dataclass(frozen=True, slots=True)
class Method:
    """An algorithm by name: how it is built, and what a person needs to know to choose it.

    Its hyper-parameters are the fields of the dataclass that `build` is; a field `aggregator` or
    `compressor` is filled in by the settings of that name.
    """

    build: type[Algorithm[Any]]
    paper: str
    purpose: str
    needs: frozenset[str] = frozenset()
    """Of: "symmetric" mixing weights, a "static" graph, a "tree", "rounds" in step, a "compressor"."""

    @property
    def options(self) -> dict[str, Any]:
        """The hyper-parameters with their defaults."""
        return {
            field.name: field.default
            for field in dataclasses.fields(self.build)  # type: ignore[arg-type]
            if field.name not in ("aggregator", "compressor")
        }

    def takes(self, part: str) -> bool:
        """Whether it has an "aggregator" or a "compressor"."""
        return part in (field.name for field in dataclasses.fields(self.build))  # type: ignore[arg-type]


_ROUNDS = frozenset({"rounds"})
_STATIC = frozenset({"rounds", "static", "symmetric"})
_ORMANDI = "Ormandi et al. 2013, arXiv 1109.1396"
_HEGEDUS = "Hegedus et al. 2021, J. Parallel and Distributed Computing"

ALGORITHMS: dict[str, Method] = {
    "dpsgd": Method(
        Dpsgd,
        "Lian et al. 2017, arXiv 1705.09056",
        "the default: train, tell the neighbours, take the mean",
    ),
    "combine-then-adapt": Method(
        CombineThenAdapt,
        "Lian et al. 2017, arXiv 1705.09056",
        "D-PSGD as first published: step along the gradient taken before mixing",
        _ROUNDS,
    ),
    "momentum": Method(
        Momentum,
        "Lian et al. 2017, arXiv 1705.09056; Douillard et al. 2023, arXiv 2311.08105",
        "few rounds with many local steps, like data",
    ),
    "quasi-global": Method(
        QuasiGlobal,
        "Lin et al. 2021, arXiv 2102.04761",
        "unlike data, at the bytes of D-PSGD",
        _ROUNDS,
    ),
    "gradient-tracking": Method(
        GradientTracking,
        "Nedic et al. 2017, arXiv 1607.03218; Pu et al. 2021, arXiv 1810.06653",
        "very unlike data: the exact optimum, on directed and changing graphs too",
        _ROUNDS,
    ),
    "exact-diffusion": Method(
        ExactDiffusion,
        "Tang et al. 2018, arXiv 1803.07068; Yuan et al. 2019, arXiv 1702.05122",
        "very unlike data: the exact optimum, by what flows between neighbours",
        _STATIC,
    ),
    "local-exact-diffusion": Method(
        LocalExactDiffusion,
        "Alghunaim 2024, arXiv 2302.00620; Karimireddy et al. 2020, arXiv 1910.06378",
        "very unlike data and many local steps a round: SCAFFOLD without its server",
        _STATIC,
    ),
    "extra": Method(
        Extra, "Shi et al. 2015, arXiv 1404.6264", "the exact optimum with a constant step", _STATIC
    ),
    "push-sum": Method(
        PushSum,
        "Nedic and Olshevsky 2016, arXiv 1406.2075; Assran et al. 2019, arXiv 1811.10792",
        "directed and changing graphs: the mean comes out right, whatever is lost",
        _ROUNDS,
    ),
    "relay": Method(
        RelaySum,
        "Vogels et al. 2021, arXiv 2110.04175",
        "very unlike data on a tree: the plain mean of all, only older",
        frozenset({"rounds", "static", "tree"}),
    ),
    "direct": Method(
        Direct,
        "Carli et al. 2010, Automatica",
        "a half or a quarter of the bytes: with float16, bfloat16 or int8",
        frozenset({"compressor"}),
    ),
    "choco": Method(
        Choco,
        "Koloskova et al. 2019, arXiv 1902.00340; 2020, arXiv 1907.09356",
        "a tenth of the bytes and less, by any compressor",
        frozenset({"rounds", "static", "compressor"}),
    ),
    "choco-diffusion": Method(
        ChocoDiffusion,
        "Koloskova et al. 2019, arXiv 1902.00340; Liu et al. 2021, arXiv 2007.00232",
        "unlike data at a twentieth of the bytes: CHOCO that corrects what unlike data do",
        frozenset({"rounds", "static", "symmetric", "compressor"}),
    ),
    "deepsqueeze": Method(
        DeepSqueeze,
        "Tang et al. 2019, arXiv 1907.07346",
        "few bytes without a memory of neighbours, on changing graphs too",
        frozenset({"rounds", "compressor"}),
    ),
    "moniqua": Method(
        Moniqua,
        "Lu and De Sa 2020, arXiv 2002.11787",
        "few bits of each parameter and no memory at all, among peers that stay near",
        _ROUNDS,
    ),
    "pair-averaging": Method(
        PairAveraging,
        "Lian et al. 2018, arXiv 1710.06952",
        "peers of unlike speed, none waiting for another (AD-PSGD): in pairs, the sum being kept",
    ),
    "random-walk": Method(
        RandomWalk,
        _ORMANDI,
        "models that wander and learn where they come: the least a peer can do, and the slowest",
    ),
    "merge-update": Method(
        MergeUpdate,
        _ORMANDI,
        "very many peers with a record or two each: what is heard is merged, then trained",
    ),
    "update-merge": Method(
        UpdateMerge,
        _ORMANDI,
        "the same where merging comes after training",
    ),
    "partitioned": Method(
        Partitioned,
        _HEGEDUS,
        "few bytes a message: one part of the model, merged by the age of that part",
    ),
    "sampled": Method(
        Sampled,
        _HEGEDUS,
        "few bytes a message: a random sample of the model, merged by age",
    ),
}


def build_model(
    kind: str,
    *,
    features: int,
    classes: int | None,
    hidden: tuple[int, ...] = (64,),
    dtype: FloatName = "float32",
    training: Training = DEFAULT,
    options: Mapping[str, object] | None = None,
) -> Model:
    """The model named `kind` for `features` inputs and a target of `classes`, or a number where that is None.

    "auto" is softmax regression for classes and linear regression for numbers. `hidden` is for MLPs,
    `options` are for scikit-learn estimators, Pegasos and PyTorch. A name or a pairing that cannot be raises
    `SettingsError`.
    """
    kind = _kind(kind, classes)
    given: dict[str, Any] = dict(options or {})
    if kind == "torch":
        return _torch(features, classes, training, dtype, given)
    if kind in ESTIMATORS:
        if kind.startswith("MLP"):
            given.setdefault("hidden_layer_sizes", hidden)
        return Estimator(kind, features, classes, given, training, dtype)
    if kind == "pegasos":
        if classes != 2:
            raise SettingsError("Pegasos tells two classes apart: use the model 'softmax' or 'linear'.")
        return Pegasos(
            features, training, dtype, **checked("model 'pegasos'", given, {"regularisation": 0.01})
        )
    if given:
        raise SettingsError(f"The model {kind!r} takes no options: leave out {', '.join(sorted(given))}.")
    if kind == "mlp":
        return mlp(features, classes, hidden, training, dtype)
    if kind == "linear":
        if classes is not None:
            raise SettingsError("Linear regression cannot learn classes: use the model 'softmax' or 'mlp'.")
        return linear(features, training, dtype)
    if classes is None:
        raise SettingsError("Softmax regression cannot learn numbers: use the model 'linear' or 'mlp'.")
    return softmax(features, classes, training, dtype)


def _kind(name: str, classes: int | None) -> str:
    """The kind of model that is called `name`."""
    if name == "auto":
        return "linear" if classes is None else "softmax"
    if name not in (*MODELS, "torch"):
        raise SettingsError(f"There is no model {name!r}: {instead(name, (*MODELS, 'torch', 'auto'))}")
    return name


def _torch(
    features: int, classes: int | None, training: Training, dtype: FloatName, given: dict[str, Any]
) -> Model:
    options = checked("model 'torch'", given, {"factory": "cnn.py:cnn", "device": "auto"})
    if "factory" not in options:
        raise SettingsError('The model "torch" needs a factory: say options = { factory = "cnn.py:cnn" }.')
    return TorchModel(options.pop("factory"), features, classes, training, dtype, **options)


def method_named(name: str) -> Method:
    """What is known of the algorithm called `name`. Raises `SettingsError`."""
    if name not in ALGORITHMS:
        raise SettingsError(f"There is no algorithm {name!r}: {instead(name, ALGORITHMS)}")
    return ALGORITHMS[name]


def build_algorithm(
    name: str,
    aggregator: Aggregator | None = None,
    *,
    compressor: str | Compressor | None = None,
    compression: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Algorithm[Any]:
    """The algorithm called `name` with its hyper-parameters `options`.

    Without an `aggregator` it takes the weighted mean; `compressor` is a name, or an object of the user's
    own, and `compression` are the options of one that is named. Names and options unknown, or of no use to
    the algorithm, raise `SettingsError`.
    """
    method = method_named(name)
    given = checked(f"algorithm {name!r}", options or {}, method.options)
    if method.takes("aggregator"):
        given |= {"aggregator": aggregator} if aggregator is not None else {}
    elif aggregator is not None:
        able = [other for other, method in ALGORITHMS.items() if method.takes("aggregator")]
        raise SettingsError(
            f"The algorithm {name!r} is defined for weighted means, and no other rule can take their place: "
            f"leave out [robust] and the aggregator, or use {', '.join(able)}."
        )
    if method.takes("compressor"):
        if isinstance(compressor, str):
            compressor = build_compressor(compressor, **(compression or {}))
        given |= {"compressor": compressor} if compressor is not None else {}
    elif compressor is not None:
        able = [other for other, method in ALGORITHMS.items() if method.takes("compressor")]
        raise SettingsError(f"The algorithm {name!r} takes no compressor: use {', '.join(able)}.")
    try:
        return method.build(**given)
    except TypeError:
        raise SettingsError(
            f"The algorithm {name!r} needs a compressor, such as 'top-k': name one."
        ) from None
