"""Roles of images in the one-model test: attacked members and non-members, public images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.boxes.background import CropRule
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_indices
from imprint.data.split import Partition, open_partition
from imprint.data.view import View
from imprint.lenses.dejavu.options import OneModelOptions
from imprint.lenses.dejavu.study.backgrounds import cut_backgrounds
from imprint.nets.load import network_file
from imprint.train.loop import hash_of_images

MAX_ATTACKED_SHARE = 0.25
"""At most this share of the non-members is attacked for control; the rest is public."""
PARTITIONED_LAYOUT = "dejavu"
"""The published layout whose networks are trained on one set of a partition."""


@dataclass(frozen=True)
class Roles:
    """The images of a test, before crops are cut.

    Attributes:
        members: int64, images the network was trained on, attacked.
        non_members: int64, images it was not trained on, attacked for control; may be empty.
        public: int64, images of the data that are not attacked: these vote as neighbours unless
            others do.
        public_may_be_members: whether the network was trained on public images, or may have been.
    """

    members: IntArray
    non_members: IntArray
    public: IntArray
    public_may_be_members: bool


@dataclass(frozen=True, eq=False)
class CropPool:
    """All background crops: those that are attacked, then public ones that references learn from.

    Attributes:
        index: int64 ``[n]``, global indices.
        squares: float64 ``[n, 4]``, what models see of each image.
        attacked: bool ``[n]``, members and non-members; members alone where references are trained
            once on non-members.
        members: bool ``[n]``, the members.
        dropped: how many images to attack have no usable crop, by reason.
        rule: the crop rule that was used.
        without_boxes: whether the corner was taken since the images have no boxes.
    """

    index: IntArray
    squares: FloatArray
    attacked: BoolArray
    members: BoolArray
    dropped: Mapping[str, int]
    rule: CropRule
    without_boxes: bool

    def attacked_crops(self, images: ImageSet) -> View:
        """Return the attacked crops as models see them."""
        return View(images, self.index[self.attacked], rectangles=self.squares[self.attacked])


def choose_roles(options: OneModelOptions, images: ImageSet, all_attacked: bool = False) -> Roles:
    """Return which images are attacked and which vote.

    Args:
        options: of the test.
        images: the data.
        all_attacked: whether public images come from elsewhere, so that lists leave none to vote.

    From a partition: the annotated images of the set the network was trained on are members, those
    of the other set non-members, its public images vote. A network that was trained on all of them,
    as most published ones were, has no non-members: both sets are attacked. From lists: the members
    are attacked, and a quarter of the non-members, at most as many, for control; the other
    non-members vote. With neither, half of each class is attacked and the other half votes, and the
    network may have been trained on all. Where public images come from elsewhere, no image is kept
    from being attacked to vote.

    Raises:
        ImprintError: lists or partition that cannot be used, or no public image.
    """
    if options.split is not None:
        return _from_partition(options, images)
    if options.trained_on != "auto":
        raise ImprintError("--trained-on names a set of a partition: give it with --split")
    usable = usable_indices(images)
    if options.members is None and options.non_members is None:
        return _all_members(usable, images, options.seed, all_attacked)
    if options.members is None:
        others = read_indices(options.non_members, images)
        members = np.setdiff1d(usable, others)
    else:
        members = read_indices(options.members, images)
        others = np.setdiff1d(usable, members)
        if options.non_members is not None:
            others = read_indices(options.non_members, images)
    both = np.intersect1d(members, others)
    if len(both):
        raise ImprintError(
            f"{len(both)} images are both members and non-members, {images.name_of(int(both[0]))} "
            "first: name each once"
        )
    if not len(members) or not len(others):
        raise ImprintError(
            f"there are {len(members)} members and {len(others)} non-members: both are needed, or "
            "neither list if the network was trained on all images"
        )
    share = 1.0 if all_attacked else MAX_ATTACKED_SHARE
    count = min(len(members), int(share * len(others)))
    drawn = generator(options.seed, "one-model unseen").permutation(np.sort(others))
    return Roles(np.sort(members), np.sort(drawn[:count]), np.sort(drawn[count:]), False)


def _all_members(usable: IntArray, images: ImageSet, seed: int, all_attacked: bool) -> Roles:
    """Return halves of every class: one is attacked, one votes; or all attacked."""
    nothing = np.empty(0, dtype=np.int64)
    if all_attacked:
        return Roles(usable, nothing, nothing, True)
    order = generator(seed, "one-model halves").permutation(usable)
    order = order[np.argsort(images.labels[order], kind="stable")]
    return Roles(np.sort(order[::2]), nothing, np.sort(order[1::2]), True)


def _from_partition(options: OneModelOptions, images: ImageSet) -> Roles:
    assert options.split is not None
    if options.members is not None or options.non_members is not None:
        raise ImprintError(
            "--split says which images are members: leave out --members and --non-members"
        )
    partition = open_partition(options.split, options.per_class, images)
    set_a, set_b = partition.bbox_a, partition.bbox_b
    trained_on = _set_of(options, partition)
    if trained_on == "A":
        return Roles(set_a, set_b, partition.public, False)
    if trained_on == "B":
        return Roles(set_b, set_a, partition.public, False)
    if trains_on_non_members(options):
        # As published: references learn from A and predict B; no image counts as a non-member.
        return Roles(set_b, set_a, partition.public, True)
    nothing = np.empty(0, dtype=np.int64)
    return Roles(np.sort(np.concatenate([set_a, set_b])), nothing, partition.public, True)


def _set_of(options: OneModelOptions, partition: Partition) -> str:
    """Return which set the network was trained on: ``A``, ``B`` or ``all``."""
    assert options.model is not None
    training = network_file(options.model, options).card.training
    chosen, hashed = options.trained_on, training.get("images")
    if hashed is None:
        of_others = training.get("published") not in (None, PARTITIONED_LAYOUT)
        return ("all" if of_others else "A") if chosen == "auto" else chosen
    of_set = {hash_of_images(partition.train_a): "A", hash_of_images(partition.train_b): "B"}
    stated = of_set.get(str(hashed))
    if stated is None:
        raise ImprintError(
            f"{options.model} was trained on other images than set A or B of this partition: "
            "give its own partition, or lists of images"
        )
    if chosen not in ("auto", stated):
        raise ImprintError(
            f"{options.model} was trained on set {stated} by its card, not on {chosen}: leave out "
            "--trained-on"
        )
    return stated


def trains_on_non_members(options: OneModelOptions) -> bool:
    """Return whether references are trained once, on non-members, which are not predicted then."""
    return options.folds == 1 and options.learn_from == "attacked"


def cut_crops(images: ImageSet, roles: Roles, options: OneModelOptions) -> CropPool:
    """Return the background crops of all images that are attacked or that references learn from.

    Images without any boxes are cut at a corner, under every rule: nothing else is known about
    where their object is not.

    Raises:
        ImprintError: no member has a background to attack.
    """
    without_boxes = images.boxes() is None
    rule: CropRule = "corner" if without_boxes else options.crop
    learnt = roles.public if options.learn_from == "all" else roles.public[:0]
    index = np.concatenate([roles.members, roles.non_members, learnt])
    part = np.repeat(np.arange(3), [len(roles.members), len(roles.non_members), len(learnt)])
    attacked = part == 0 if trains_on_non_members(options) else part < 2
    backgrounds = cut_backgrounds(images, index, replace(options, crop=rule))
    backgrounds.check_any(part == 0, "no image to attack")
    return CropPool(
        backgrounds.index,
        backgrounds.squares,
        attacked[backgrounds.usable],
        (part == 0)[backgrounds.usable],
        backgrounds.dropped(attacked),
        rule,
        without_boxes and options.crop != "corner",
    )
