"""Which image plays which part in the one-model test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.boxes.background import BackgroundCrops, background_rectangles
from imprint.data.files import usable_indices
from imprint.data.geometry import centre_squares
from imprint.data.imageset import ImageSet
from imprint.data.split import MANIFEST, Partition, load_partition
from imprint.lenses.dejavu.study.one_model_options import OneModelOptions
from imprint.nets.load import network_file
from imprint.train.command import read_indices
from imprint.train.loop import hash_of_images

UNSEEN_SHARE = 0.25
"""Of the held-out images, at most this share is attacked for control rather than searched."""
OF_A_PARTITION = "dejavu"
"""The published layout whose networks are trained on one set of a partition."""


@dataclass(frozen=True)
class Roles:
    """The images of a test, before crops are cut.

    Attributes:
        seen: int64, images the network was trained on, to be attacked.
        unseen: int64, images it was not, to be attacked for control; may be empty.
        public: int64, images whose neighbours vote.
        public_seen: whether the network was trained on the public images as well, or may have been.
    """

    seen: IntArray
    unseen: IntArray
    public: IntArray
    public_seen: bool


@dataclass(frozen=True)
class CropPool:
    """All background crops: those that are attacked, then public ones for references to learn from.

    Attributes:
        index: int64 ``[n]``, global indices.
        squares: float64 ``[n, 4]``, what is seen of each.
        attacked: bool ``[n]``, the seen and unseen images; seen ones alone where references are
            trained once on unseen ones.
        seen: bool ``[n]``, the seen ones.
        dropped: how many images to be attacked have no usable crop, by reason.
        rule: the crop rule that was used.
        without_boxes: whether the corner was taken since the images have no boxes.
    """

    index: IntArray
    squares: FloatArray
    attacked: BoolArray
    seen: BoolArray
    dropped: Mapping[str, int]
    rule: str
    without_boxes: bool


def choose_roles(options: OneModelOptions, images: ImageSet) -> Roles:
    """Return who is attacked and who votes.

    From a partition: the annotated images of the set the network was trained on, those of the
    other set for control, its public images; those of both sets are attacked, and there is no
    control, where it was trained on all of them, as most published networks were. From lists: the
    images it was trained on; a quarter of the held-out ones, at most as many, for control; the rest
    of them vote. With neither, half of each class is attacked and the other half votes, and the
    network may have seen them all.

    Raises:
        ImprintError: lists or partition that cannot be used, or no public image.
    """
    if options.split is not None:
        return _from_partition(options, images)
    if options.trained_on != "auto":
        raise ImprintError("--trained-on names a set of a partition: give it with --split")
    usable = usable_indices(images)
    if options.train_indices is None and options.held_out is None:
        return _all_seen(usable, images, options.seed)
    if options.train_indices is None:
        held_out = read_indices(options.held_out, images)
        trained = np.setdiff1d(usable, held_out)
    else:
        trained = read_indices(options.train_indices, images)
        held_out = np.setdiff1d(usable, trained)
        if options.held_out is not None:
            held_out = read_indices(options.held_out, images)
    both = np.intersect1d(trained, held_out)
    if len(both):
        raise ImprintError(
            f"{len(both)} images are both trained on and held out, {images.name_of(int(both[0]))} "
            "first: name each once"
        )
    if not len(trained) or not len(held_out):
        raise ImprintError(
            f"{len(trained)} images were trained on and {len(held_out)} held out: both are needed, "
            "or neither list, if the network was trained on all images"
        )
    count = min(len(trained), int(UNSEEN_SHARE * len(held_out)))
    drawn = generator(options.seed, "one-model unseen").permutation(np.sort(held_out))
    return Roles(np.sort(trained), np.sort(drawn[:count]), np.sort(drawn[count:]), False)


def _all_seen(usable: IntArray, images: ImageSet, seed: int) -> Roles:
    """Return halves of every class: one to be attacked, one to vote."""
    order = generator(seed, "one-model halves").permutation(usable)
    order = order[np.argsort(images.labels[order], kind="stable")]
    return Roles(np.sort(order[::2]), np.empty(0, dtype=np.int64), np.sort(order[1::2]), True)


def _from_partition(options: OneModelOptions, images: ImageSet) -> Roles:
    assert options.split is not None
    assert options.subject is not None
    if options.train_indices is not None or options.held_out is not None:
        raise ImprintError(
            "--split says which images were trained on: leave out --train-indices and --held-out"
        )
    folder = options.split
    held = folder if (folder / MANIFEST).exists() else folder / "split"
    partition = load_partition(held, options.per_class, images.fingerprint())
    set_a, set_b = partition.bbox_a, partition.bbox_b
    trained_on = _set_of(options, partition)
    if trained_on == "A":
        return Roles(set_a, set_b, partition.public, False)
    if trained_on == "B":
        return Roles(set_b, set_a, partition.public, False)
    if _unseen_teach(options):
        # As published: crops of A teach, those of B are judged; no image passes for unseen.
        return Roles(set_b, set_a, partition.public, True)
    nothing = np.empty(0, dtype=np.int64)
    return Roles(np.sort(np.concatenate([set_a, set_b])), nothing, partition.public, True)


def _set_of(options: OneModelOptions, partition: Partition) -> str:
    """Return which set the network was trained on: ``A``, ``B`` or ``all``."""
    assert options.subject is not None
    training = network_file(options.subject, options).card.training
    chosen, hashed = options.trained_on, training.get("images")
    if hashed is None:
        theirs = training.get("published") not in (None, OF_A_PARTITION)
        return ("all" if theirs else "A") if chosen == "auto" else chosen
    of_set = {hash_of_images(partition.train_a): "A", hash_of_images(partition.train_b): "B"}
    found = of_set.get(str(hashed))
    if found is None:
        raise ImprintError(
            f"{options.subject} was trained on other images than set A or B of this partition: "
            "give its own partition, or lists of images"
        )
    if chosen not in ("auto", found):
        raise ImprintError(
            f"{options.subject} was trained on set {found} by its card, not on {chosen}: leave out "
            "--trained-on"
        )
    return found


def _unseen_teach(options: OneModelOptions) -> bool:
    """Return whether references are trained once on unseen images, which are not judged then."""
    return options.folds == 1 and options.learn_from == "attacked"


def cut_crops(images: ImageSet, roles: Roles, choice: OneModelOptions) -> CropPool:
    """Return the background crops of all images that are attacked or that references learn from.

    Images without any boxes are cut at a corner, whatever the rule: nothing else is known of where
    their object is not.

    Raises:
        ImprintError: no image the network was trained on has a background to attack.
    """
    boxes = images.boxes()
    without_boxes = boxes is None and choice.crop != "corner"
    rule = "corner" if boxes is None else choice.crop
    learnt = roles.public if choice.learn_from == "all" else roles.public[:0]
    index = np.concatenate([roles.seen, roles.unseen, learnt])
    part = np.repeat(np.arange(3), [len(roles.seen), len(roles.unseen), len(learnt)])
    judged = part == 0 if _unseen_teach(choice) else part < 2
    found = background_rectangles(
        images.sizes()[index],
        None if boxes is None else [boxes[row] for row in index],
        rule=rule,
        min_px=choice.min_crop_px,
        fraction=choice.corner_fraction,
        corner=choice.corner,
    )
    usable = found.usable
    if not usable[part == 0].any():
        raise ImprintError(
            f"no image to attack has a background ({', '.join(_reasons(found, part == 0))}): "
            "choose a smaller --min-crop-px, or --crop corner, which needs no boxes"
        )
    return CropPool(
        index[usable],
        centre_squares(found.rectangles[usable], choice.centre_fraction),
        judged[usable],
        (part == 0)[usable],
        _reasons(found, judged),
        rule,
        without_boxes,
    )


def _reasons(found: BackgroundCrops, rows: BoolArray) -> dict[str, int]:
    reasons, counts = np.unique(found.reasons[rows & ~found.usable], return_counts=True)
    return {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)}
