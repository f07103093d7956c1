"""The model under audit and its records: members, non-members, tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.records.records import Records, Task
from imprint.nets.predictor.predictor import NetworkPredictor, Predictor
from imprint.study.hashing import hash_arrays, hash_json

IDENTITY_RECORDS = 8
"""Records whose outputs tell one black-box model from another of the same name."""
PARTS = ("members", "non_members", "tests")


class Trainer(Protocol):
    """Trains models like the one under audit on records of the user's choice: shadow models."""

    @property
    def words(self) -> str:
        """How it trains, for reports."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of everything that training depends on beside records and seed."""
        ...

    def seconds(self, records: int) -> float:
        """Return about how long training on so many records takes on this machine."""
        ...

    def train(self, records: Records, seed: int) -> Predictor:
        """Return a model trained on these records."""
        ...


@dataclass(frozen=True, eq=False)
class AuditedModel:
    """A model with the records that an audit knows of.

    As a field of a step it stands on the card by what its outputs depend on.

    Attributes:
        predictor: the model.
        members: records it was trained on.
        non_members: records of the same kind that it was not trained on.
        tests: records that test it; the non-members unless the user gave others.
        trainer: trains others like it; None where that is not known.
        checkpoints: the model at earlier steps of its training, each with the sum of learning rates
            until the next; empty for none.
        device: where networks run.
    """

    predictor: Predictor
    members: Records
    non_members: Records
    tests: Records
    trainer: Trainer | None = None
    checkpoints: tuple[tuple[Predictor, float], ...] = ()
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # immutable

    def __post_init__(self) -> None:
        for key, records in self.parts.items():
            part = key.replace("_", "-")
            if not len(records):
                raise ImprintError(f"there are no {part}: give at least one")
            if records.inputs.shape != self.members.inputs.shape:
                raise ImprintError(
                    f"{part} have inputs {list(records.inputs.shape)} and "
                    f"members {list(self.members.inputs.shape)}: give records of one shape"
                )

    @property
    def task(self) -> Task:
        """What the model does."""
        return self.members.task

    @property
    def parts(self) -> dict[str, Records]:
        """Records by the names of :data:`PARTS`; without tests where they are the non-members."""
        parts = {"members": self.members, "non_members": self.non_members}
        return parts if self.tests is self.non_members else {**parts, "tests": self.tests}

    @property
    def network(self) -> NetworkPredictor | None:
        """The model where it is a PyTorch network."""
        predictor = self.predictor
        return predictor if isinstance(predictor, NetworkPredictor) else None

    def fingerprint(self) -> str:
        """Return a hash of the model: of weights, or of a few outputs of a black box."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        if self.network is not None:
            return self.predictor.fingerprint()
        rows = np.arange(min(IDENTITY_RECORDS, len(self.members)))
        outputs = self.predict(self.members, rows)
        return hash_json([self.predictor.fingerprint(), hash_arrays(outputs)])

    def predict(self, records: Records, rows: IntArray) -> NDArray[Any]:
        """Return the outputs of some records."""
        targets = None if records.targets is None else records.targets[rows]
        return self.predictor.predict(records.inputs.read(rows), targets)

    def facts(self) -> Mapping[str, object]:
        """Return what the summary says of the model."""
        return {
            "name": self.predictor.name,
            "fingerprint": f"sha256:{self.fingerprint()}",
            "task": self.task,
            "outputs": self.predictor.kind,
        }
