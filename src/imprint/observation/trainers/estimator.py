"""Estimators with scikit-learn's interface: a clone is fitted, with a seed of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imprint.core.errors import ImprintError, reason_of
from imprint.core.seeds import derive
from imprint.data.records.records import Records
from imprint.nets.predictor.estimator import EstimatorPredictor, as_table, call_estimator
from imprint.nets.predictor.predictor import Predictor
from imprint.observation.audited_model import Trainer
from imprint.observation.trainers.function import SEEDS
from imprint.observation.trainers.trainer import (
    TRAINERS,
    TrainerKind,
    TrainerOptions,
    read_all,
    time_fit,
)
from imprint.study.hashing import hash_json

SEED_PARAMETER = "random_state"


@dataclass(frozen=True, eq=False)
class EstimatorTrainer:
    """Fits clones of an estimator.

    Attributes:
        predictor: the estimator under audit.
        members: records it was trained on, by which training is timed.
    """

    predictor: EstimatorPredictor
    members: Records

    @property
    def words(self) -> str:
        """How it trains, for reports."""
        return f"clones of {self.predictor.name}, fitted with the same parameters"

    def fingerprint(self) -> str:
        """Return the hash of the estimator's type and parameters."""
        return hash_json(["clone", self.predictor.fingerprint()])

    def train(self, records: Records, seed: int) -> Predictor:
        """Return a clone that is fitted on these records.

        Raises:
            ImprintError: the estimator cannot be cloned or fitted.
        """
        from sklearn.base import clone

        name, fitted = self.predictor.name, self.predictor.estimator
        try:
            fresh = clone(fitted)
            parameters = fresh.get_params(deep=True)
            seeds = {
                key: derive(seed, key) % SEEDS
                for key in parameters
                if key == SEED_PARAMETER or key.endswith(f"__{SEED_PARAMETER}")
            }
            fresh.set_params(**seeds)
        except Exception as error:  # an estimator of another library may raise anything
            reason = reason_of(error)
            raise ImprintError(
                f"model {name} cannot be cloned ({reason}): give train=, a function that trains it"
            ) from error
        inputs, targets = read_all(records)
        values = self.predictor.class_values
        if values is not None:
            targets = np.asarray(values)[targets]
        call_estimator(fresh, "fit", f"a clone of {name}", as_table(fitted, inputs), targets)
        return replace(self.predictor, estimator=fresh)

    def seconds(self, records: int) -> float:
        """Return about how long training on so many records takes on this machine."""
        return time_fit(self, self.members, records)


def _recognises(predictor: Predictor) -> bool:
    return isinstance(predictor, EstimatorPredictor) and hasattr(predictor.estimator, "fit")


def _make(predictor: Predictor, members: Records, options: TrainerOptions) -> Trainer:
    assert isinstance(predictor, EstimatorPredictor)
    return EstimatorTrainer(predictor, members)


TRAINERS.register("estimator")(TrainerKind(_recognises, _make))
