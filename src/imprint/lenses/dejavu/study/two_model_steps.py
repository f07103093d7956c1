"""The steps of a study that end in the déjà vu findings: crop, embed, attack, show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.boxes.background import background_rectangles
from imprint.data.choice import image_facts
from imprint.data.duplicates import copies
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.split import Partition
from imprint.data.view import View
from imprint.lenses.dejavu.study.gallery import gallery_step
from imprint.lenses.dejavu.study.guess import SIDES, check_guesses, settled_layer, untrained_like
from imprint.lenses.dejavu.study.tables import Crops, write_legacy, write_tables
from imprint.nets.load import NetworkFile
from imprint.probe.embeddings import embed
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json
from imprint.study.options import CropAttackChoice, DejavuChoice
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.study.tables import Table, write_table


@dataclass(frozen=True)
class AttackedSet:
    """The images to be attacked: those of A and of B with a usable background crop.

    Attributes:
        index: int64 ``[n]``, global indices, all of A before all of B.
        side: int64 ``[n]``, 0 for A and 1 for B.
        seen: float64 ``[n, 4]``, the square of each background crop that the models see.
        dropped: how many images have no usable crop, by reason.
    """

    index: IntArray
    side: IntArray
    seen: FloatArray
    dropped: Mapping[str, int]


def dejavu_steps(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    checkpoints: Mapping[str, NetworkFile],
    choice: DejavuChoice,
    last_epoch: int = 0,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Embed, attack and count; return facts about the data, and the findings.

    Args:
        study: where tables go.
        images: what was split.
        partition: how.
        attacked: which of its images are attacked.
        checkpoints: weights of ``A`` and ``B``, and of snapshots of both, ``A@EPOCH``.
        choice: how crops, votes and controls are made.
        last_epoch: of A and B, where snapshots are given.
    """
    embeddings = _embed_step(study, images, partition, attacked, checkpoints, choice)
    crops = Crops(
        embeddings,
        attacked.index,
        attacked.side,
        _sides_of(attacked.seen),
        images.labels,
        len(images.classes),
        choice,
    )

    def build(folder: Path) -> None:
        write_tables(folder, crops, last_epoch, choice.controls, choice.seed)

    settings = {
        **card_settings(choice, DejavuChoice, without=("export_legacy",)),
        "last_epoch": last_epoch,
        "attacked": hash_arrays(attacked.index, attacked.side),
    }
    tables = study.step("tables/dejavu", settings, build, ("tables/embeddings",))
    gallery_step(study, images, attacked.index, attacked.seen)
    if choice.export_legacy:
        study.step(
            "legacy", settings, lambda folder: write_legacy(folder, crops), ("tables/embeddings",)
        )
    facts = {
        **image_facts(images),
        "public": len(partition.public),
        "shared": len(partition.shared),
        "boxes": sum(len(found) > 0 for found in images.boxes() or ()),
        "attacked": {name: int((attacked.side == row).sum()) for row, name in enumerate(SIDES)},
        "dropped": dict(attacked.dropped),
        "copies_in_public": _copies(images, attacked, partition),
    }
    return facts, read_json(tables / "findings.json")


def _copies(images: ImageSet, attacked: AttackedSet, partition: Partition) -> dict[str, Any]:
    """Return how many attacked images stand in the public set as well, to the pixel."""
    if not isinstance(images, ArrayImages):
        return {"missing": "the images do not fit into memory, so they were not compared"}
    found = copies(images, attacked.index, partition.public)
    if len(found):
        log(
            f"{images.name}: {len(found)} attacked images stand in the public set as well, "
            f"{images.name_of(int(found[0]))} first: leave out copies, or they count as memorized"
        )
    return {"value": len(found)}


def _sides_of(squares: FloatArray) -> FloatArray:
    """Return the side of each square in pixels, ``[n]``."""
    return squares[:, 2] - squares[:, 0]


def attacked_set(images: ImageSet, partition: Partition, choice: CropAttackChoice) -> AttackedSet:
    """Return the annotated images of both sets that have a background crop.

    Raises:
        ImprintError: a set has none, or k exceeds the public images.
    """
    check_guesses(choice, images)
    if choice.k > len(partition.public):
        raise ImprintError(
            f"k is {choice.k} but only {len(partition.public)} images are public: "
            "choose a smaller --k or a smaller --per-class"
        )
    index = np.concatenate([partition.bbox_a, partition.bbox_b])
    side = np.repeat(np.arange(2), [len(partition.bbox_a), len(partition.bbox_b)])
    boxes = images.boxes()
    found = background_rectangles(
        images.sizes()[index],
        [boxes[row] for row in index] if boxes is not None else None,
        rule=choice.crop,
        min_px=choice.min_crop_px,
        fraction=choice.corner_fraction,
        corner=choice.corner,
    )
    usable = found.usable
    reasons, counts = np.unique(found.reasons[~usable], return_counts=True)
    for row, name in enumerate(SIDES):
        if not usable[side == row].any():
            raise ImprintError(
                f"no image of set {name} has a background to attack ({', '.join(reasons)}): "
                "choose a smaller --min-crop-px, or --crop corner, which needs no boxes"
            )
    return AttackedSet(
        index[usable],
        side[usable],
        centre_squares(found.rectangles[usable], choice.centre_fraction),
        {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)},
    )


def _embed_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    checkpoints: Mapping[str, NetworkFile],
    choice: DejavuChoice,
) -> Path:
    """Embed public images and crops under every checkpoint, one pass over each set.

    Writes ``tables/embeddings/MODEL.public.parquet`` and ``MODEL.crops.parquet``; MODEL is A, B,
    A@EPOCH of a snapshot, or A@untrained.
    """
    whole = whole_rectangles(images.sizes()[partition.public])
    sets = {
        "public": (partition.public, centre_squares(whole, choice.centre_fraction)),
        "crops": (attacked.index, attacked.seen),
    }
    layer, device = settled_layer(choice), choose_device(choice.device)

    def build(folder: Path) -> None:
        models = {name: file.load(device) for name, file in checkpoints.items()}
        if choice.controls:
            models |= {
                f"{name}@untrained": untrained_like(
                    checkpoints[name].card, derive(choice.seed, "untrained", name)
                ).to(device)
                for name in SIDES
            }
        for name, (index, squares) in sets.items():
            found = embed(
                models, View(images, index, rectangles=squares), (layer,), f"embed {name}"
            )
            for model, layers in found.items():
                columns: Table = {"index": index, layer: layers[layer]}
                write_table(folder / f"{model}.{name}.parquet", columns)

    settings = {
        "data": images.fingerprint(),
        "layer": layer,
        "controls": choice.controls,
        "seed": choice.seed,
        "rectangles": hash_arrays(*(array for pair in sets.values() for array in pair)),
        "models": {name: file.fingerprint() for name, file in checkpoints.items()},
    }
    return study.step("tables/embeddings", settings, build)
