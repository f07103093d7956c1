"""What the models of a cohort have in common, and the step that writes one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.arrays import IntArray
from imprint.core.seeds import derive
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.counted import uncounted
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import Plan, TrainedModel

WEIGHTS = "final.safetensors"


@dataclass(frozen=True, eq=False)
class CohortModel(Step):
    """Weights and card of one model, ``models/<id>``.

    Attributes:
        data: fingerprint of the set.
        members: int64 ``[m]``, the records it is trained on.
        model: its id.
        seed: of the cohort.
        train: how it is trained.
        expected: members that its schedule is laid out for, where that is not their number.
        card: that all models of the cohort share.
        trained: the model; None to ask whether it is there.
    """

    data: str
    members: IntArray
    model: int
    seed: int
    train: CohortOptions
    expected: int | None
    card: ModelCard = uncounted()
    trained: TrainedModel | None = uncounted(default=None)

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The name of the model's folder in the study."""
        return f"models/{self.model:04d}"

    def build(self, path: Path) -> None:
        """Write the weights with their card beside them."""
        assert self.trained is not None
        training = {
            **self.card.training,
            "seed": derive(self.seed, "model", self.model),
            "model": self.model,
            "members": len(self.members),
            "loss": _finite(self.trained.loss),
            "accuracy": _finite(self.trained.accuracy),
        }
        if self.trained.privacy is not None:
            epsilon = _finite(self.trained.privacy["epsilon"])
            training["privacy"] = {**self.trained.privacy, "epsilon": epsilon}
        save_model(path / WEIGHTS, self.trained.model, replace(self.card, training=training))


@dataclass(frozen=True)
class Job:
    """What all models of a cohort have in common; sent to worker processes.

    Attributes:
        root: of the study.
        fingerprint: of the set.
        card: of the models.
        options: of training.
        models: how many there are, trained or not.
    """

    root: Path
    fingerprint: str
    card: ModelCard
    options: CohortOptions
    models: int

    def step(self, plan: Plan, trained: TrainedModel | None = None) -> CohortModel:
        """Return the step of one model."""
        expected = None if plan.expected == len(plan.members) else plan.expected
        return CohortModel(
            data=self.fingerprint,
            members=plan.members,
            model=plan.model,
            seed=plan.run,
            train=self.options,
            expected=expected,
            card=self.card,
            trained=trained,
        )

    def weights(self, plan: Plan) -> Path:
        """Return where the weights of a model lie."""
        return self.root / self.step(plan).artefact / WEIGHTS

    def is_done(self, plan: Plan) -> bool:
        """Return whether the model was trained before.

        Raises:
            ImprintError: it was, with other settings.
        """
        step = self.step(plan)
        return Study(self.root).is_done(step.artefact, card_of(step))

    def save(self, plan: Plan, trained: TrainedModel) -> None:
        """Write weights and card of a model as one artefact of the study."""
        Study(self.root).run(self.step(plan, trained))


def _finite(value: float) -> float | None:
    """Return a number that a card can hold: none where samples were empty or ε is unbounded."""
    return value if math.isfinite(value) else None
