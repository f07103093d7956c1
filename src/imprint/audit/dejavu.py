"""The steps of a study that end in the déjà vu findings: crop, embed, attack, show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.audit.dejavu_tables import Crops, write_tables
from imprint.audit.gallery import gallery_step
from imprint.audit.options import AuditOptions
from imprint.data.crops import background_rectangles
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import FloatArray, ImageSet, IntArray
from imprint.data.split import Partition
from imprint.errors import ImprintError
from imprint.nets.load import load_subject, read_card
from imprint.nets.subject import Subject
from imprint.options import CropChoice
from imprint.probe.embeddings import embed
from imprint.seeds import derive
from imprint.store import Study, hash_arrays, read_json
from imprint.tables import write_table
from imprint.train.loop import initial_subject



@dataclass(frozen=True)
class AttackedSet:
    """The images to be attacked: those of A and of B with a usable background crop.

    Attributes:
        index: int64 ``[n]``, global indices, all of A before all of B.
        side: int64 ``[n]``, 0 for A and 1 for B.
        rectangles: float64 ``[n, 4]``, the background crop of each.
        dropped: how many images have no usable crop, by reason.
    """

    index: IntArray
    side: IntArray
    rectangles: FloatArray
    dropped: Mapping[str, int]


def dejavu_steps(
    study: Study,
    images: ImageSet,
    partition: Partition,
    models: Mapping[str, Path],
    options: AuditOptions,
    device: torch.device,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Embed, attack and count; return facts about the data, and the findings.

    Args:
        study: where tables go; holds the artefacts ``split``, ``models/A`` and ``models/B``.
        images: what was split.
        partition: how.
        models: final weights of A and B; snapshots beside them are attacked as well.
        options: of the audit.
        device: where to embed.

    Raises:
        ImprintError: no image can be attacked, or k exceeds the public images.
    """
    attacked = attacked_set(images, partition, options)
    if options.k > len(partition.public):
        raise ImprintError(
            f"k is {options.k} but only {len(partition.public)} images are public: "
            "choose a smaller --k or a smaller --per-class"
        )
    embeddings = _embed_step(study, images, partition, attacked, models, options, device)
    settings = {
        "k": options.k,
        "metric": options.metric,
        "confidence": list(options.confidence),
        "top": options.top,
        "seed": options.seed,
    }

    def build(folder: Path) -> None:
        crops = Crops(
            embeddings,
            attacked.index,
            attacked.side,
            images.labels,
            len(images.classes),
            options,
        )
        write_tables(folder, crops, options.train.epochs, options.controls, options.seed)

    tables = study.step("tables/dejavu", settings, build, ("tables/embeddings",))
    gallery_step(study, images, attacked.index, attacked.rectangles)
    facts = {
        "name": images.name,
        "images": len(images),
        "classes": len(images.classes),
        "class_names": list(images.classes),
        "fingerprint": images.fingerprint(),
        "public": len(partition.public),
        "shared": len(partition.shared),
        "attacked": {name: int((attacked.side == row).sum()) for row, name in enumerate(models)},
        "dropped": dict(attacked.dropped),
    }
    return facts, read_json(tables / "findings.json")


def attacked_set(images: ImageSet, partition: Partition, crop: CropChoice) -> AttackedSet:
    """Return the annotated images of both sets that have a background crop."""
    index = np.concatenate([partition.bbox_a, partition.bbox_b])
    side = np.repeat(np.arange(2), [len(partition.bbox_a), len(partition.bbox_b)])
    boxes = images.boxes()
    found = background_rectangles(
        images.sizes()[index],
        [boxes[row] for row in index] if boxes is not None else None,
        rule=crop.crop,
        min_px=crop.min_crop_px,
        fraction=crop.corner_fraction,
        corner=crop.corner,
    )
    usable = ~np.isnan(found.rectangles[:, 0])
    reasons, counts = np.unique(found.reasons[~usable], return_counts=True)
    return AttackedSet(
        index[usable],
        side[usable],
        found.rectangles[usable],
        {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)},
    )


def _embed_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    models: Mapping[str, Path],
    options: AuditOptions,
    device: torch.device,
) -> Path:
    """Embed public images and crops under every checkpoint, one pass over each set.

    Writes ``tables/embeddings/MODEL.public.parquet`` and ``MODEL.crops.parquet``; MODEL is A, B,
    A@EPOCH of a snapshot, or A@untrained.
    """
    whole = whole_rectangles(images.sizes()[partition.public])
    sets = {
        "public": (partition.public, centre_squares(whole, options.centre_fraction)),
        "crops": (attacked.index, centre_squares(attacked.rectangles, options.centre_fraction)),
    }
    layer = options.layer

    def build(folder: Path) -> None:
        subjects = _subjects(models, options)
        for name, (index, squares) in sets.items():
            found = embed(subjects, images, index, squares, (layer,), device, f"embed {name}")
            for model, layers in found.items():
                table = {"index": index, layer: layers[layer]}
                write_table(folder / f"{model}.{name}.parquet", table)

    settings = {
        "layer": layer,
        "controls": options.controls,
        "rectangles": hash_arrays(*(array for pair in sets.values() for array in pair)),
    }
    inputs = tuple(f"models/{name}" for name in models)
    return study.step("tables/embeddings", settings, build, inputs)


def _subjects(models: Mapping[str, Path], options: AuditOptions) -> dict[str, Subject]:
    subjects = {}
    for name, final in models.items():
        subjects[name] = load_subject(final)
        for snapshot in sorted(final.parent.glob("epoch_*.safetensors")):
            epoch = int(snapshot.stem.removeprefix("epoch_"))
            subjects[f"{name}@{epoch}"] = load_subject(snapshot)
        if options.controls:
            seed = derive(options.seed, "untrained", name)
            subjects[f"{name}@untrained"] = initial_subject(read_card(final), seed)
    return subjects
