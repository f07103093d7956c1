"""Boosters of XGBoost and LightGBM without scikit-learn's interface, as live objects.

Classifiers give margins: the score of class 1 of two, or one a class. Others give their values.
Files of boosters are not read: load them with their own library, which is given the file alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imprint.core.errors import ImprintError, reason_of
from imprint.core.user_arrays import as_numbers
from imprint.core.user_types import is_of
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings, OutputKind
from imprint.study.hashing import hash_json

CLASSIFIERS = ("binary", "multi", "cross_entropy")
"""What the names of objectives of classification begin with."""


@dataclass(frozen=True, eq=False)
class BoosterPredictor:
    """A booster.

    Attributes:
        booster: of XGBoost or LightGBM.
        name: what it is called.
        kind: what it returns.
        objective: what it was trained for.
    """

    booster: Any
    name: str
    kind: OutputKind
    objective: str

    def fingerprint(self) -> str:
        """Return the hash of its objective and number of trees; outputs tell the rest."""
        count = self.booster.num_boosted_rounds() if self._is_xgboost else self.booster.num_trees()
        return hash_json(["booster", self.objective, int(count)])

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return margins or values, float64 ``[b, outputs]``."""
        margins = self.kind == "logits"
        try:
            if self._is_xgboost:
                result = self.booster.inplace_predict(
                    inputs, predict_type="margin" if margins else "value", validate_features=False
                )
            else:
                result = self.booster.predict(inputs, raw_score=margins)
        except Exception as error:  # of the libraries' own kinds
            reason = reason_of(error)
            raise ImprintError(
                f"model {self.name} failed on inputs {list(inputs.shape)}: {reason}"
            ) from error
        outputs = as_numbers(result, f"what model {self.name} returns")
        return outputs[:, None] if outputs.ndim == 1 else outputs

    @property
    def _is_xgboost(self) -> bool:
        return is_of(self.booster, "xgboost:Booster")


def objective_of(booster: Any) -> str:
    """Return the name of the objective of a booster, such as ``multi:softprob``.

    Raises:
        ImprintError: it does not say it.
    """
    try:
        if is_of(booster, "xgboost:Booster"):
            config = json.loads(booster.save_config())
            return str(config["learner"]["objective"]["name"])
        text = booster.model_to_string(num_iteration=1)
        found = re.search(r"^objective=(\S+)", text, re.MULTILINE)
        return found[1] if found else str(booster.params["objective"])
    except Exception as error:
        raise ImprintError(
            "the booster does not say what it was trained for: give a function that returns its "
            "probabilities"
        ) from error


def _adapt(model: Any, settings: ModelSettings) -> BoosterPredictor:
    objective = objective_of(model)
    classifies = objective.startswith(CLASSIFIERS)
    kind: OutputKind = "logits" if classifies else "values"
    if settings.kind not in (None, kind):
        raise ImprintError(
            f"a booster trained for {objective} gives {kind}, not {settings.kind}: leave it out, "
            "or give a function"
        )
    name = settings.name or type(model).__module__.partition(".")[0]
    return BoosterPredictor(model, name, kind, objective)


ADAPTERS.register("booster")(
    Adapter(
        lambda model: is_of(model, "xgboost:Booster", "lightgbm:Booster"),
        _adapt,
        15,
        "a booster of XGBoost or LightGBM",
    )
)
