"""A model as a safetensors file that explains itself: `predict` needs nothing else.

The one tensor is `vector` (d,); the metadata holds one JSON text with the model's kind, the names
of features and classes, the scaling of the target and, where there is one, the schema of the columns.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.data import Dataset, Schema
from gossipfl.errors import DataError
from gossipfl.experiment.settings import LearningSettings, ModelSettings
from gossipfl.learn.contracts import Array, Model
from gossipfl.learn.pytorch import TorchModel

FORMAT = 1
FILE_BYTES_MAX = 8 << 30
NAME_BYTES_MAX = 200
OUR_FACTORIES = "gossipfl.learn.pytorch.examples:"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What has to be known of a vector to predict with it; `model` is None for one of the user's own code."""

    model: ModelSettings | None
    feature_names: tuple[str, ...]
    classes: tuple[str, ...] | None
    target_mean: float
    target_scale: float
    schema: Schema | None

    @classmethod
    def of(cls, settings: ModelSettings, dataset: Dataset, model: Model) -> Explanation:
        """For `model`, which learns from `dataset` and is what `settings` describe, unless a user made it."""
        return cls(
            settings if _describes(settings, dataset, model) else None,
            dataset.feature_names,
            dataset.classes,
            dataset.target_mean,
            dataset.target_scale,
            dataset.schema,
        )

    def made_by(self, factory: str | None) -> Explanation:
        """The same where the module of PyTorch is made by `factory`; for None, by that of ours that it names.

        No model file has code run that its reader did not name. Raises `DataError`.
        """
        if self.model is None or self.model.kind != "torch":
            if factory is not None:
                raise DataError("The model is no module of PyTorch: leave the factory out.")
            return self
        named = str(self.model.options.get("factory"))
        if factory is None and not named.startswith(OUR_FACTORIES):
            raise DataError(
                f"The model is a module that {named!r} makes, and no model file may run code: "
                "name the factory yourself if you trust it."
            )
        return replace(self, model=self.model.model_copy(update={"options": {"factory": factory or named}}))

    def build(self) -> Model:
        """The model whose vector it explains. Raises `DataError` for one of the user's own code."""
        if self.model is None:
            raise DataError(
                "The model is of your own code: load its vector with safetensors and use it there."
            )
        return _described(self.model, len(self.feature_names), self.classes)


def _describes(settings: ModelSettings, dataset: Dataset, model: Model) -> bool:
    if settings.kind == "torch":
        return isinstance(model, TorchModel)
    described = _described(settings, len(dataset.feature_names), dataset.classes)
    return type(described) is type(model) and described.size == model.size


def _described(settings: ModelSettings, features: int, classes: tuple[str, ...] | None) -> Model:
    from gossipfl.experiment.federation import build_model_from

    return build_model_from(settings, LearningSettings(), features, classes)


def model_file(peer: str) -> str:
    """The file name for the model of `peer`, whose name may be any text; another name gives another file."""
    safe = re.sub(r"[^\w -]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), peer)
    if len(safe.encode()) > NAME_BYTES_MAX:
        safe = f"{safe[: NAME_BYTES_MAX // 4]}-{hashlib.blake2b(peer.encode(), digest_size=8).hexdigest()}"
    return f"peer-{safe}.safetensors"


def save_model(path: Path, vector: Array, explanation: Explanation) -> None:
    """Write `vector` (d,) to `path`, whole or not at all."""
    from safetensors.numpy import save

    text = json.dumps(
        {
            "format": FORMAT,
            "model": explanation.model.model_dump(mode="json") if explanation.model else None,
            "feature_names": explanation.feature_names,
            "classes": explanation.classes,
            "target_mean": explanation.target_mean,
            "target_scale": explanation.target_scale,
            "schema": explanation.schema.to_json() if explanation.schema else None,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.with_suffix(".part")
    torn.write_bytes(save({"vector": np.ascontiguousarray(vector)}, {"gossipfl": text}))
    torn.replace(path)


def load_model(path: Path, factory: str | None = None) -> tuple[Array, Explanation]:
    """The vector (d,) in `path` and what explains it; `factory` makes its module, if it is one of PyTorch.

    Raises `UserError`.
    """
    vector, text = _read(path)
    try:
        facts = json.loads(text)
        explanation = _explanation(facts).made_by(factory)
        size = explanation.build().size
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{path} does not explain its model ({error}): export it again.") from None
    if vector.shape != (size,):
        raise DataError(
            f"{path} holds a vector {vector.shape}, but its model needs ({size},): export it again."
        )
    if not np.isfinite(vector).all():
        raise DataError(f"{path} holds a model that diverged: train it again with a lower learning rate.")
    return vector, explanation


def _read(path: Path) -> tuple[Array, str]:
    from safetensors import SafetensorError, safe_open

    try:
        if path.is_dir():
            raise DataError(f"{path} is a directory: give a .safetensors file in it.")
        if path.stat().st_size > FILE_BYTES_MAX:
            raise DataError(f"{path} is larger than {FILE_BYTES_MAX >> 30} GiB: is it a model?")
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get("gossipfl")
            if text is None or list(file.keys()) != ["vector"]:
                raise DataError(f"{path} was not written by gossipfl: give a model of one of its runs.")
            return np.asarray(file.get_tensor("vector")), text
    except FileNotFoundError:
        raise DataError(f"There is no file {path}: check its name.") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is not a safetensors file ({error}): give a model of a run.") from None


def _explanation(facts: dict[str, Any]) -> Explanation:
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']} is not {FORMAT}")
    schema = facts["schema"]
    return Explanation(
        ModelSettings.model_validate(facts["model"]) if facts["model"] is not None else None,
        tuple(map(str, facts["feature_names"])),
        tuple(map(str, facts["classes"])) if facts["classes"] is not None else None,
        float(facts["target_mean"]),
        float(facts["target_scale"]),
        Schema.from_json(schema) if schema is not None else None,
    )
