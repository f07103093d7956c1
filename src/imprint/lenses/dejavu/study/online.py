"""The déjà vu test while an encoder trains: its guesses about crops it saw, and about others.

One encoder alone guesses the images of A and of B from their backgrounds. It is the target of the
ones and the reference of the others, so the two logs of A and B together hold the two-model test
of every epoch that was looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.dejavu.study.guess import SIDES, guess, settled_layer
from imprint.lenses.dejavu.study.two_model_steps import AttackedSet
from imprint.nets.image_model import ImageModel
from imprint.probe.embeddings import embed
from imprint.study.options import AttackChoice, CropAttackChoice, CropChoice

Look = Callable[[ImageModel, int], dict[str, Any]]


def online_attack(
    images: ImageSet,
    public: IntArray,
    attacked: AttackedSet,
    choice: CropAttackChoice,
    every: int,
    device: torch.device,
) -> Look:
    """Return what attacks a network after an epoch that ``every`` divides.

    Args:
        images: where pixels and labels come from.
        public: int64 ``[M]``, the public images.
        attacked: the crops of A and B.
        choice: how neighbours vote.
        every: so many epochs.
        device: where the network is.

    Returns:
        A function of the network and the number of epochs done; it returns ``{"attack": {"A": …,
        "B": …}}``, the accuracy on the crops of each set, or nothing where the epoch is not due.
    """
    views = {
        "public": View(images, public, choice.centre_fraction),
        "crops": View(images, attacked.index, rectangles=attacked.seen),
    }

    def on_epoch_end(model: ImageModel, epoch: int) -> dict[str, Any]:
        if epoch % every:
            return {}
        found = {
            name: embed(
                {"network": model.to(device)}, view, (settled_layer(choice),), f"embed {name}"
            )["network"][settled_layer(choice)]
            for name, view in views.items()
        }
        labels = images.labels
        votes = guess(
            found["crops"],
            found["public"],
            public,
            labels,
            len(images.classes),
            choice,
            choice.device,
        ).votes
        hits = votes.hits(labels[attacked.index], choice.top)
        means = {name: float(np.mean(hits[attacked.side == row])) for row, name in enumerate(SIDES)}
        return {"attack": means}

    return on_epoch_end


def online_settings(choice: CropAttackChoice, every: int) -> dict[str, Any]:
    """Return what :func:`online_attack` depends on, as JSON values."""
    names = [
        field.name for kind in (AttackChoice, CropChoice) for field in dataclasses.fields(kind)
    ]
    return {"every": every, **{n: getattr(choice, n) for n in names if n != "confidence"}}
