"""The user's own function that trains a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imprint.core.errors import ImprintError, named_reason
from imprint.core.seeds import derive
from imprint.data.records.records import Records
from imprint.nets.predictor.predictor import ModelSettings, Predictor, as_predictor
from imprint.observation.trainers.trainer import read_all, time_fit
from imprint.study.hashing import hash_json

SEEDS = 1 << 31
"""Seeds of libraries are below this."""


@dataclass(frozen=True, eq=False)
class FunctionTrainer:
    """Calls ``function(inputs, targets, seed)``, which returns a model.

    Attributes:
        function: of the user.
        predictor: the model under audit, whose outputs those of the returned models are like.
        members: records it was trained on, by which training is timed.
    """

    function: Callable[..., Any]
    predictor: Predictor
    members: Records

    @property
    def words(self) -> str:
        """How it trains, for reports."""
        return f"trained by {self._name}"

    def fingerprint(self) -> str:
        """Return the hash of the function's name: what it does cannot be known from outside."""
        return hash_json(["train", self._name, self.predictor.kind])

    def train(self, records: Records, seed: int) -> Predictor:
        """Return the model that the function trains on these records.

        Raises:
            ImprintError: the function fails, or returns no model of a known kind.
        """
        inputs, targets = read_all(records)
        try:
            model = self.function(inputs, targets, derive(seed, "train") % SEEDS)
        except ImprintError:
            raise
        except Exception as error:  # a user's function may raise anything
            raise ImprintError(
                f"{self._name} failed on {len(records)} records with {named_reason(error)}"
            ) from error
        if model is None:
            raise ImprintError(f"{self._name} must return the trained model, it returned None")
        return as_predictor(model, ModelSettings(kind=self.predictor.kind))

    def seconds(self, records: int) -> float:
        """Return about how long training on so many records takes on this machine."""
        return time_fit(self, self.members, records)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__qualname__", type(self.function).__name__)
