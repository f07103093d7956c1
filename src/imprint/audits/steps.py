"""The steps of an audit that belong to no lens: split the images, train and probe two encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from imprint.audits.options import AuditOptions
from imprint.core.arrays import IntArray
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition, load_partition, load_partitions
from imprint.lenses.dejavu.findings import Accuracies
from imprint.lenses.dejavu.study.backgrounds import attacked_set
from imprint.lenses.dejavu.study.encoders import (
    ProbeEncoders,
    SplitImages,
    TrainEncoder,
    read_accuracies,
    train_encoders,
)
from imprint.lenses.dejavu.study.online import OnlineAttack
from imprint.study.store import Study
from imprint.train.checkpoints import checkpoints_in


def split_step(images: ImageSet, options: AuditOptions) -> SplitImages:
    """Return the step that partitions the images; by boxes where a crop needs them."""
    by_boxes = options.crop != "corner" and images.boxes() is not None
    return SplitImages(images, (options.per_class,), by_boxes)


def draft_partition(images: ImageSet, options: AuditOptions) -> Partition:
    """Return the partition of :func:`split_step`, unwritten, so that all can be checked first."""
    return split_step(images, options).partitions().by_size[options.per_class]


def train_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    options: AuditOptions,
    device: torch.device,
    images_seed: int | None = None,
) -> dict[str, Path]:
    """Train encoders A and B, in ``models/A`` and ``models/B``; return all their checkpoints.

    The embedded set of images is made from ``images_seed``, by default the one that trains.
    """
    steps = [
        encoder_step(study, images, name, indices, options, device)
        for name, indices in encoder_sets(partition).items()
    ]
    train_encoders(
        study, steps, images, options, options.seed if images_seed is None else images_seed
    )
    return checkpoints_in({step.name: study.path(step.artefact) for step in steps})


def encoder_step(
    study: Study,
    images: ImageSet,
    name: str,
    indices: IntArray,
    options: AuditOptions,
    device: torch.device,
) -> TrainEncoder:
    """Return the step that trains encoder A or B; its seed derives from its name."""
    split = study.path("split")
    online = None
    if options.attack_every:
        partition = load_partition(split, options.per_class)
        attacked = attacked_set(images, partition, options)
        online = OnlineAttack.of(options.attack_every, options, partition.public, attacked)
    return TrainEncoder(
        name=name,
        train=options.train,
        seed=derive(options.seed, name),
        indices=indices,
        held_out=load_partitions(split).validation,
        online=online,
        device=str(device),
    )


def encoder_sets(partition: Partition) -> dict[str, IntArray]:
    """Return the images that encoders A and B are trained on."""
    return {"A": partition.train_a, "B": partition.train_b}


def probe_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    checkpoints: Mapping[str, Path],
    options: AuditOptions,
) -> Accuracies:
    """Return the accuracies of linear probes on A and B."""
    sets = encoder_sets(partition)
    step = ProbeEncoders(
        probe=options.probe,
        seeds={name: derive(options.seed, "probe", name) for name in sets},
        members=sets,
        held_out=load_partitions(study.path("split")).validation,
        view=options.train.second_view,
        checkpoints=checkpoints,
        images=images,
        inputs=tuple(f"models/{name}" for name in sets),
        device=options.device,
    )
    return read_accuracies(study.run(step))
