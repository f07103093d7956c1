"""``dejavu sweep``: encoders under several settings, and the two-model test of each.

One public set serves every point, that of the largest training sets, so that points differ by
their encoders alone. Every image is decoded once for all checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition, load_partitions
from imprint.data.view import View
from imprint.lenses.dejavu.findings import Accuracies
from imprint.lenses.dejavu.options import SweepOptions
from imprint.lenses.dejavu.study.backgrounds import AttackedSet, attacked_set
from imprint.lenses.dejavu.study.embeddings import EmbedViews
from imprint.lenses.dejavu.study.encoders import (
    ProbeEncoders,
    SplitImages,
    TrainEncoder,
    read_accuracies,
    train_encoders,
)
from imprint.lenses.dejavu.study.guess import SIDES, settled_layer
from imprint.lenses.dejavu.study.public_images import ElsewhereImages, PublicSet, open_elsewhere
from imprint.lenses.dejavu.study.search import index_embeddings
from imprint.lenses.dejavu.study.sweep_attack import AttackedPoint, AttackSweep
from imprint.lenses.dejavu.study.sweep_points import (
    Setting,
    check_networks,
    encoder_folders,
    sweep_points,
)
from imprint.lenses.dejavu.study.two_model import public_of_partition
from imprint.nets.image_model import Layer
from imprint.nets.load import NetworkFile
from imprint.report.summary import finish
from imprint.study.finding import to_json
from imprint.study.json_io import read_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.train.checkpoints import checkpoints_in

Checkpoints = Mapping[str, Mapping[str, Path]]
"""Weights by folder of encoders and name of the checkpoint."""


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """The points of a sweep and their images.

    Attributes:
        folders: of each point's encoders, under ``models/``.
        partitions: of the images, by images of each class.
        held_out: int64, public images of the partition that probes are measured on.
        public: which images vote.
    """

    images: ImageSet
    points: tuple[Setting, ...]
    folders: tuple[str, ...]
    partitions: Mapping[int, Partition]
    held_out: IntArray
    attacked: tuple[AttackedSet, ...]
    public: PublicSet

    def encoders(self) -> dict[str, Setting]:
        """Return the first point of each folder of encoders."""
        first: dict[str, Setting] = {}
        for point, folder in zip(self.points, self.folders, strict=True):
            first.setdefault(folder, point)
        return first

    def members(self, point: Setting) -> dict[str, IntArray]:
        """Return the images that each encoder of a point is trained on."""
        partition = self.partitions[point.options.per_class]
        return dict(zip(SIDES, (partition.train_a, partition.train_b), strict=True))

    def views(self) -> dict[str, View]:
        """Return every view of the images that some point needs, by name."""
        views: dict[str, View] = {}
        for point, attacked in zip(self.points, self.attacked, strict=True):
            public_name, crops_name = point.views
            images, public = self.public.images, self.public.index
            views.setdefault(public_name, View(images, public, point.options.centre_fraction))
            index, squares = attacked.index, attacked.squares
            if crops_name in views:
                index = np.concatenate([views[crops_name].index, index])
                squares = np.concatenate([views[crops_name].squares, squares])
            index, first = np.unique(index, return_index=True)
            views[crops_name] = View(images, index, rectangles=squares[first])
        return views


def audit_sweep(options: SweepOptions) -> JsonObject:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: options that cannot be varied or do not fit, images that cannot be used, or
            a study made with other settings.
    """
    points = sweep_points(options)
    study = Study(options.out)
    device = choose_device(options.device)
    with study.locked():
        images = open_choice(options, options.seed)
        check_networks(images, points)
        plan = _plan(study, images, points, open_elsewhere(options, options, images))
        _train(study, plan, options, device)
        checkpoints = {
            folder: checkpoints_in({side: study.path(f"models/{folder}/{side}") for side in SIDES})
            for folder in plan.encoders()
        }
        embeddings = _embed(study, plan, checkpoints, options)
        probes = _probe(study, plan, checkpoints, options) if options.linear_probe else {}
        attacked = tuple(map(AttackedPoint.of, plan.points, plan.folders, plan.attacked))
        searched = [(each.attack, each.folder, each.views[0]) for each in attacked]
        indexes = index_embeddings(study, embeddings, searched, options.seed)
        attack = AttackSweep(
            plan.public.images, attacked, probes, embeddings, options.device, indexes
        )
        lenses = {"dejavu_sweep": read_json(study.run(attack) / "findings.json")}
        facts = {**image_facts(images), "public_images": to_json(plan.public.facts)}
        return finish(study, options, facts, lenses)


def _plan(
    study: Study, images: ImageSet, points: Sequence[Setting], elsewhere: ElsewhereImages | None
) -> SweepPlan:
    sizes = tuple(sorted({point.options.per_class for point in points}))
    by_boxes = images.boxes() is not None and any(p.options.crop != "corner" for p in points)
    partitions = load_partitions(study.run(SplitImages(images, sizes, by_boxes)))
    public = public_of_partition(images, partitions.by_size[sizes[-1]], elsewhere)
    attacked = tuple(
        attacked_set(
            images,
            partitions.by_size[point.options.per_class],
            point.options,
            len(public.index),
        )
        for point in points
    )
    folders = tuple(encoder_folders(points))
    return SweepPlan(
        images,
        tuple(points),
        folders,
        partitions.by_size,
        partitions.validation,
        attacked,
        public,
    )


def _train(study: Study, plan: SweepPlan, options: SweepOptions, device: torch.device) -> None:
    """Train two encoders for every folder; those of one side start from one seed."""
    steps = [
        TrainEncoder(
            name=f"{folder}/{side}",
            train=point.options.train,
            seed=derive(point.options.seed, side),
            indices=indices,
            held_out=plan.held_out,
            device=str(device),
        )
        for folder, point in plan.encoders().items()
        for side, indices in plan.members(point).items()
    ]
    train_encoders(study, steps, plan.images, options, options.seed)


def _embed(study: Study, plan: SweepPlan, checkpoints: Checkpoints, options: SweepOptions) -> Path:
    """Embed every view under every checkpoint, ``FOLDER/CHECKPOINT.VIEW.parquet``."""
    layers: dict[str, set[Layer]] = {}
    for point, folder in zip(plan.points, plan.folders, strict=True):
        layers.setdefault(folder, set()).add(settled_layer(point.options))
    models = {
        f"{folder}/{name}": NetworkFile(file)
        for folder, files in checkpoints.items()
        for name, file in files.items()
    }
    by_model = {name: tuple(sorted(layers[name.rpartition("/")[0]])) for name in models}
    return study.run(EmbedViews(plan.views(), models, by_model, {}, options.device))


def _probe(
    study: Study, plan: SweepPlan, checkpoints: Checkpoints, options: SweepOptions
) -> dict[str, Accuracies]:
    """Return the accuracies of probes on every checkpoint, by folder and checkpoint."""
    accuracies = {}
    for folder, point in plan.encoders().items():
        if options.probe.layer == "projector" and not point.options.train.projector:
            raise ImprintError("a network without a projector has no --probe.layer projector")
        files, members = checkpoints[folder], plan.members(point)
        step = ProbeEncoders(
            probe=options.probe,
            seeds={name: derive(point.options.seed, "probe", name[0]) for name in files},
            members={name: members[name[0]] for name in files},
            held_out=plan.held_out,
            view=point.options.train.second_view,
            checkpoints=files,
            images=plan.images,
            inputs=tuple(f"models/{folder}/{side}" for side in SIDES),
            device=options.device,
            artefact=f"linear_probe/{folder}.json",
        )
        accuracies[folder] = read_accuracies(study.run(step))
    return accuracies
