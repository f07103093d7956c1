"""``dejavu sweep``: encoders under several settings, and what the two-model test finds in each.

One public set serves every point, that of the largest training sets, so that points differ by
their encoders alone. Every image is decoded once for all checkpoints that look at it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition, load_partitions, partition_images, save_partition
from imprint.data.view import View
from imprint.launch.local import run_tasks
from imprint.lenses.dejavu.study.guess import SIDES, settled_layer
from imprint.lenses.dejavu.study.sweep_attack import attack_points
from imprint.lenses.dejavu.study.sweep_options import SweepOptions
from imprint.lenses.dejavu.study.sweep_points import (
    Point,
    check_networks,
    encoder_folders,
    sweep_points,
)
from imprint.lenses.dejavu.study.two_model_steps import AttackedSet, attacked_set
from imprint.nets.image_model import Layer
from imprint.nets.load import NetworkFile, load_model
from imprint.probe.embeddings import embed
from imprint.report.summary import finish
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.plain import to_plain
from imprint.study.store import Study
from imprint.study.tables import Table, write_table
from imprint.train.checkpoints import checkpoints_in
from imprint.train.linear_probe import linear_probe, plain_accuracies
from imprint.train.loop import train


@dataclass(frozen=True, eq=False)
class Sweep:
    """What is to be attacked.

    Attributes:
        points: settings.
        folders: of each point's encoders, under ``models/``.
        partitions: of the images, by images of each class; all with the same public set.
        held_out: int64, public images that probes are measured on.
        attacked: images and crops of each point.
    """

    points: Sequence[Point]
    folders: Sequence[str]
    partitions: Mapping[int, Partition]
    held_out: IntArray
    attacked: Sequence[AttackedSet]

    def encoders(self) -> dict[str, Point]:
        """Return the first point of each folder of encoders."""
        found: dict[str, Point] = {}
        for point, folder in zip(self.points, self.folders, strict=True):
            found.setdefault(folder, point)
        return found

    def sets(self, images: ImageSet) -> dict[str, tuple[IntArray, FloatArray]]:
        """Return every set of squares that some point looks at, by :func:`names_of_sets`."""
        found: dict[str, tuple[IntArray, FloatArray]] = {}
        for point, attacked in zip(self.points, self.attacked, strict=True):
            public_name, crops_name = names_of_sets(point.options)
            public = self.partitions[point.options.per_class].public
            whole = whole_rectangles(images.sizes()[public])
            fraction = point.options.centre_fraction
            found.setdefault(public_name, (public, centre_squares(whole, fraction)))
            index, seen = attacked.index, attacked.seen
            if crops_name in found:
                index = np.concatenate([found[crops_name][0], index])
                seen = np.concatenate([found[crops_name][1], seen])
            index, first = np.unique(index, return_index=True)
            found[crops_name] = (index, seen[first])
        return found


def audit_sweep(options: SweepOptions) -> dict[str, Any]:
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
        sweep = _plan(study, images, points, options)
        _train(study, images, sweep, options, device)
        checkpoints = {
            folder: checkpoints_in({side: study.path(f"models/{folder}/{side}") for side in SIDES})
            for folder in sweep.encoders()
        }
        _embed(study, images, sweep, checkpoints, device)
        probes = _probe(study, images, sweep, checkpoints, options, device)
        found = attack_points(
            study, sweep.points, sweep.folders, sweep.attacked, images, names_of_sets, probes
        )
        return finish(study, options, image_facts(images), {"dejavu_sweep": found})


def names_of_sets(options: SweepOptions) -> tuple[str, str]:
    """Return what the public squares and the crops of these options are called."""
    public = f"public-{options.centre_fraction:g}"
    if options.crop == "corner":
        crop = f"corner-{options.corner}-{options.corner_fraction:g}"
    else:
        crop = options.crop
    return public, f"{crop}-{options.min_crop_px:g}-{options.centre_fraction:g}"


def _plan(study: Study, images: ImageSet, points: Sequence[Point], options: SweepOptions) -> Sweep:
    sizes = sorted({point.options.per_class for point in points})
    annotated = images.boxes() if any(p.options.crop != "corner" for p in points) else None
    settings = {
        "data": images.fingerprint(),
        "per_class": sizes,
        "annotated": annotated is not None,
    }

    def build(folder: Path) -> None:
        save_partition(
            folder, partition_images(images, annotated, sizes=sizes), images.fingerprint()
        )

    partitions = load_partitions(study.step("split", settings, build))
    public = partitions.by_size[sizes[-1]].public
    shared = {size: replace(partitions.by_size[size], public=public) for size in sizes}
    attacked = [
        attacked_set(images, shared[point.options.per_class], point.options) for point in points
    ]
    return Sweep(points, encoder_folders(points), shared, partitions.validation, attacked)


def _train(
    study: Study, images: ImageSet, sweep: Sweep, options: SweepOptions, device: torch.device
) -> None:
    """Train the encoders that are missing, on the CPU several at once, one a core."""
    tasks = []
    for folder, point in sweep.encoders().items():
        partition = sweep.partitions[point.options.per_class]
        for side, indices in zip(SIDES, (partition.train_a, partition.train_b), strict=True):
            if not study.is_done(f"models/{folder}/{side}", *_made(point, side)):
                tasks.append((options, point, folder, side, indices))
    if device.type == "cpu" and tasks:
        epochs = sum(point.options.train.last_epoch for _, point, *_ in tasks)
        run_tasks(
            train_in_worker,
            tasks,
            "train encoders",
            epochs,
            unit="epoch",
            sharing=2 * len(sweep.encoders()),
        )
    else:
        for _, point, folder, side, indices in tasks:
            train_encoder(options.out, images, point, folder, side, indices, device)


def train_in_worker(
    options: SweepOptions, point: Point, folder: str, side: str, indices: IntArray
) -> None:
    """Train one encoder on the CPU, opening the images anew."""
    images = open_choice(options, options.seed)
    train_encoder(options.out, images, point, folder, side, indices, torch.device("cpu"))


def train_encoder(
    out: Path,
    images: ImageSet,
    point: Point,
    folder: str,
    side: str,
    indices: IntArray,
    device: torch.device,
) -> None:
    """Train one encoder into ``models/FOLDER/SIDE``; those of one side start from one seed."""
    study = Study(out)
    held_out = load_partitions(study.path("split")).validation
    seed, name = derive(point.options.seed, side), f"{folder} {side}"

    def build(where: Path) -> None:
        train(images, indices, point.options.train, where, seed, device, name, held_out)

    settings, inputs = _made(point, side)
    study.step(f"models/{folder}/{side}", settings, build, inputs, resumable=True)


def _made(point: Point, side: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    return {**point.trained, "seed": derive(point.options.seed, side)}, ("split",)


def _embed(
    study: Study,
    images: ImageSet,
    sweep: Sweep,
    checkpoints: Mapping[str, Mapping[str, Path]],
    device: torch.device,
) -> None:
    """Embed every set under every checkpoint, in one pass a set.

    Writes ``tables/embeddings/FOLDER/CHECKPOINT.SET.parquet`` with a column a layer.
    """
    layers: dict[str, set[Layer]] = {}
    for point, folder in zip(sweep.points, sweep.folders, strict=True):
        layers.setdefault(folder, set()).add(settled_layer(point.options))
    sets = sweep.sets(images)

    def build(out: Path) -> None:
        files = {
            (folder, name): file
            for folder, of_folder in checkpoints.items()
            for name, file in of_folder.items()
        }
        models = {
            f"{folder}/{name}": load_model(file, device=device)
            for (folder, name), file in files.items()
        }
        wanted = {f"{folder}/{name}": sorted(layers[folder]) for folder, name in files}
        for title, (index, squares) in sets.items():
            found = embed(models, View(images, index, rectangles=squares), wanted, f"embed {title}")
            for name, values in found.items():
                columns: Table = {"index": index, **values}
                write_table(out / f"{name}.{title}.parquet", columns)

    settings = {
        "data": images.fingerprint(),
        "layers": {folder: sorted(names) for folder, names in layers.items()},
        "sets": {name: hash_arrays(*arrays) for name, arrays in sets.items()},
        "models": {
            f"{folder}/{name}": NetworkFile(file).fingerprint()
            for folder, files in checkpoints.items()
            for name, file in files.items()
        },
    }
    study.step("tables/embeddings", settings, build)


def _probe(
    study: Study,
    images: ImageSet,
    sweep: Sweep,
    checkpoints: Mapping[str, Mapping[str, Path]],
    options: SweepOptions,
    device: torch.device,
) -> dict[str, dict[str, Any]]:
    """Return the accuracies of probes on every checkpoint, by folder and checkpoint."""
    if not options.linear_probe:
        return {}
    found = {}
    for folder, point in sweep.encoders().items():
        partition = sweep.partitions[point.options.per_class]
        seen = {"A": partition.train_a, "B": partition.train_b}
        if options.probe.layer == "projector" and not point.options.train.projector:
            raise ImprintError("a network without a projector has no --probe.layer projector")

        def build(
            file: Path,
            point: Point = point,
            seen: Mapping[str, IntArray] = seen,
            files: Mapping[str, Path] = checkpoints[folder],
        ) -> None:
            probed = {
                name: linear_probe(
                    load_model(weights),
                    images,
                    seen[name[0]],
                    sweep.held_out,
                    options.probe,
                    point.options.train.second_view,
                    derive(options.seed, "probe", name[0]),
                    device,
                    name,
                )
                for name, weights in files.items()
            }
            write_json(file, {name: plain_accuracies(each) for name, each in probed.items()})

        settings = {"probe": to_plain(options.probe), "seed": options.seed}
        inputs = tuple(f"models/{folder}/{side}" for side in SIDES)
        made = study.step(f"linear_probe/{folder}.json", settings, build, inputs)
        found[folder] = read_json(made)
    return found
