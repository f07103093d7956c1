"""What training one model of a cohort consists of, whichever engine runs it.

Everything random is a function of (run, model id) and of what it is drawn for, never of the
company a model is trained in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.augment import augment
from imprint.data.imageset import ImageSet
from imprint.nets import group_norm
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard, for_channels
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.resident import Resident

# Augmentation is drawn for (model, record) as one integer; sets hold fewer records than this.
RECORDS_A_MODEL = 1 << 32


@dataclass(frozen=True)
class Plan:
    """The members of one model, cut into batches.

    Attributes:
        model: its id, the row of the masks.
        run: seed of the whole cohort.
        members: int64 ``[m]``, ascending.
        batch_size: images per step.
        per_epoch: steps an epoch; members that do not fill a batch wait for another epoch.
        expected: members that the schedule is laid out for; their number, unless it is secret.
    """

    model: int
    run: int
    members: IntArray
    batch_size: int
    per_epoch: int
    expected: int

    @property
    def seed(self) -> int:
        """The seed of the model: a function of run and id."""
        return derive(self.run, "model", self.model)

    @property
    def schedule(self) -> tuple[int, int]:
        """What models must share to be trained in step: (batch size, steps an epoch)."""
        return self.batch_size, self.per_epoch

    def epoch(self, epoch: int) -> IntArray:
        """Return the records of every batch of an epoch, int64 ``[per_epoch, batch_size]``."""
        order = generator(self.seed, "order", epoch).permutation(len(self.members))
        used = order[: self.per_epoch * self.batch_size]
        return self.members[used].reshape(self.per_epoch, self.batch_size)


@dataclass(frozen=True)
class TrainedModel:
    """A model and how well it fitted in the last epoch, on augmented members.

    Attributes:
        model: the network.
        loss: mean cross-entropy, with label smoothing where that is on.
        accuracy: share of views classified right.
        privacy: what was accounted under DP-SGD, None without.
    """

    model: ImageModel
    loss: float
    accuracy: float
    privacy: dict[str, Any] | None = None


def plan_models(
    members: BoolArray,
    models: Iterable[int],
    options: CohortOptions,
    run: int,
    expected: int | None = None,
) -> list[Plan]:
    """Return the plans of some models.

    Args:
        members: bool ``[K, N]``.
        models: rows of it.
        options: of training.
        run: seed of the cohort.
        expected: members to lay out the schedule of DP-SGD for, where their number is a secret
            as well: where one more or less could change the sampling rate or the number of
            steps, ε as accounted would not be that of adding or removing a record.

    Raises:
        ImprintError: a model has fewer than two members.
    """
    plans = []
    for model in models:
        own = np.flatnonzero(members[model])
        if len(own) < 2:
            raise ImprintError(
                f"model {model} has {len(own)} member(s): every model needs at least two"
            )
        laid_out = len(own) if expected is None or not options.private else expected
        batch_size = min(options.batch_size, laid_out)
        plans.append(Plan(model, run, own, batch_size, laid_out // batch_size, laid_out))
    return plans


def cohort_card(images: ImageSet, options: CohortOptions) -> ModelCard:
    """Return the card that all models of a cohort share.

    Under DP-SGD group normalisation stands in for batch normalisation.
    """
    architecture, settings = options.architecture, dict(options.architecture_options)
    if options.private:
        architecture, settings = group_norm.ARCHITECTURE, {"of": architecture, **settings}
    return ModelCard(
        architecture=architecture,
        options=settings,
        channels=images.channels,
        outputs=len(images.classes),
        input_size=options.input_size,
        mean=for_channels(options.mean, images.channels),
        std=for_channels(options.std, images.channels),
        training={"objective": "supervised", "epochs": options.epochs},
    )


def views_of(
    data: Resident,
    records: IntArray,
    plans: Sequence[Plan],
    epoch: int,
    options: CohortOptions,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return augmented views and labels of one step of some models, from one gather.

    Args:
        data: the set.
        records: int64 ``[M, b]``, rows of the set, one line per model.
        plans: of the M models.
        epoch: from 0.
        options: with the augmentation.

    Returns:
        float32 ``[M, b, C, S, S]`` in [0, 1] and int64 ``[M, b]``.
    """
    models = np.array([plan.model for plan in plans], dtype=np.int64)
    drawn_for = models[:, None] * RECORDS_A_MODEL + records
    rows = torch.from_numpy(records.ravel()).to(data.device)
    key = derive(plans[0].run, "augment", epoch)
    views = augment(data.pixels[rows], options.view, key, drawn_for.ravel(), data.size)
    return views.view(*records.shape, *views.shape[1:]), data.labels[rows].view(*records.shape)
