"""The two-model test on two encoders that were trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.split import MANIFEST, load_partition
from imprint.lenses.dejavu.study.guess import searched_layer
from imprint.lenses.dejavu.study.two_model_steps import attacked_set, dejavu_steps
from imprint.nets.load import NetworkFile
from imprint.report.summary import finish
from imprint.study.options import DataChoice, DejavuChoice
from imprint.study.store import Study
from imprint.train.loop import hash_of_images


def two_model_audit(
    data: DataChoice,
    choice: DejavuChoice,
    models: Mapping[str, NetworkFile],
    split: Path,
    per_class: int,
) -> dict[str, Any]:
    """Attack two encoders; write tables, summary and page.

    Args:
        data: the images.
        choice: how crops, votes and controls are made, and where results go.
        models: weights of ``A`` and ``B``.
        split: folder of the partition both were trained on, or of the study that holds it.
        per_class: which of its sizes.

    Raises:
        ImprintError: weights, partition or images that cannot be used, or a card that says its
            model was trained on other images than the partition gives it.
    """
    study = Study(choice.out)
    with study.locked():
        images = open_choice(data, choice.seed)
        held = split if (split / MANIFEST).exists() else split / "split"
        partition = load_partition(held, per_class, images.fingerprint())
        check_training(models, {"A": partition.train_a, "B": partition.train_b})
        projects = all(file.card.projector for file in models.values())
        attack = replace(choice, layer=searched_layer(choice, projects))
        attacked = attacked_set(images, partition, attack)
        facts, found = dejavu_steps(study, images, partition, attacked, models, attack)
        return finish(study, choice, facts, {"dejavu": found})


def check_training(models: Mapping[str, NetworkFile], sets: Mapping[str, IntArray]) -> None:
    """Check models against the images they should have been trained on, where their cards say.

    Raises:
        ImprintError: a model was trained on others, the other model's perhaps.
    """
    hashes = {name: hash_of_images(indices) for name, indices in sets.items()}
    for name, file in models.items():
        trained_on = file.card.training.get("images")
        if trained_on in (None, hashes[name]):
            continue
        other = next((each for each, value in hashes.items() if value == trained_on), None)
        told = f"set {other}: swap the models" if other else "other images: give its own partition"
        raise ImprintError(f"model {name} ({file.path}) was trained on {told}")
