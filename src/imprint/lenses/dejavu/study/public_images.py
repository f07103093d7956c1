"""The public images of a test: which images vote, where they come from, what they may hold.

Public images should be of the same classes as the attacked ones, and none of them an image the
model was trained on: a model may group what it memorized by more than a crop shows. Those of
another set, or of another part of the data, serve a model that was trained on all of the training
part. Their classes are matched by name; they are numbered after the images of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.choice import EMBEDDED
from imprint.data.file_names import class_folders
from imprint.data.files import in_memory, usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.selected import of_classes
from imprint.lenses.dejavu.public_findings import PublicFacts
from imprint.lenses.dejavu.public_options import PublicChoice

NAMED_CLASSES = 3
TRAINING_PART = "train"


class PublicAndData(Protocol):
    """Options of public images and of the data under test."""

    @property
    def data(self) -> str:
        """Folder or file of the data."""
        ...

    @property
    def layout(self) -> str:
        """Of the data."""
        ...

    @property
    def part(self) -> str:
        """Of the data."""
        ...

    @property
    def skip_corrupt(self) -> bool:
        """Whether images that cannot be decoded are left out."""
        ...


@dataclass(frozen=True, eq=False)
class ElsewhereImages:
    """Public images of another set, or of another part of the data.

    Attributes:
        images: those of classes that the data has, under the numbers of its classes.
        part: of their set; empty for its training part, or all there is.
        same_data: whether they are another part of the data.
        unknown: how many were left out, since the data does not have their class.
    """

    images: ImageSet
    part: str
    same_data: bool
    unknown: int


@dataclass(frozen=True, eq=False)
class PublicSet:
    """The images of a test with those that vote.

    Attributes:
        images: the data, then public images from elsewhere where there are any.
        index: int64 ``[M]``, the images that vote.
        facts: what is known of them.
    """

    images: ImageSet
    index: IntArray
    facts: PublicFacts


def open_elsewhere(
    choice: PublicChoice, data: PublicAndData, images: ImageSet
) -> ElsewhereImages | None:
    """Return the public images of the options, None where those of the data vote.

    Args:
        choice: where they are.
        data: where the data is.
        images: the data.

    Raises:
        ImprintError: no such images, the same part as the data, no class in common, or another
            number of channels.
    """
    if not choice.is_elsewhere:
        return None
    same_data, root = choice.public is None, choice.public or Path(data.data)
    if same_data and data.data == EMBEDDED:
        raise ImprintError(
            "the embedded set has no parts: give --public, or leave out --public-part"
        )
    part = choice.public_part
    if same_data and part == (data.part or TRAINING_PART):
        raise ImprintError(
            f"--public-part {part} is the part under test: name another one, such as val or test"
        )
    layout = data.layout if same_data else choice.public_layout
    opened = in_memory(open_images(root, layout, part or None, skip_corrupt=data.skip_corrupt))
    return matched(opened, images, part, same_data)


def matched(
    public: ImageSet, images: ImageSet, part: str = "", same_data: bool = False
) -> ElsewhereImages:
    """Return those of some public images whose class, by name, the data has.

    Raises:
        ImprintError: no class in common, or another number of channels.
    """
    if public.channels != images.channels:
        raise ImprintError(
            f"the public images of {public.name} have {public.channels} channels and "
            f"{images.name} {images.channels}: give images of the same kind"
        )
    usable = usable_indices(public)
    kept = of_classes(public, images.classes, usable)
    if not len(kept):
        raise ImprintError(
            f"no public image of {public.name} is of a class of {images.name}: classes are matched "
            f"by name, and {public.classes[0]!r} is none of {_named(images.classes)}"
            f"{_hint_at_names(public, images)}"
        )
    unknown = len(usable) - len(kept)
    if unknown:
        others = [name for name in public.classes if name not in set(images.classes)]
        log(
            f"{public.name}: {unknown} of {len(usable)} public images left out, of classes that "
            f"{images.name} does not have: {_named(others)}"
        )
    return ElsewhereImages(kept, part, same_data, unknown)


def choose_public(
    images: ImageSet,
    index: IntArray,
    elsewhere: ElsewhereImages | None,
    attacked: IntArray,
    may_be_members: bool = False,
) -> PublicSet:
    """Return the images that vote, those of the data unless there are others.

    Args:
        images: the data.
        index: int64, its public images.
        elsewhere: public images that vote in their place.
        attacked: int64, images of the data that may be attacked, whose classes must be public.
        may_be_members: whether the model was trained on public images of the data, or may have
            been.
    """
    facts = public_facts(images, index, elsewhere, attacked, may_be_members)
    if elsewhere is None:
        return PublicSet(images, index, facts)
    joined = JoinedImages(images, elsewhere.images, images.name, boxes_of_first=True)
    rows = len(images) + np.arange(len(elsewhere.images), dtype=np.int64)
    return PublicSet(joined, rows, facts)


def public_facts(
    images: ImageSet,
    index: IntArray,
    elsewhere: ElsewhereImages | None,
    attacked: IntArray,
    may_be_members: bool = False,
) -> PublicFacts:
    """Return what is known of the images that vote; as :func:`choose_public`."""
    public = images if elsewhere is None else elsewhere.images
    labels = images.labels[index] if elsewhere is None else public.labels
    if elsewhere is not None and not elsewhere.same_data:
        membership = None
    else:
        membership = may_be_members if elsewhere is None else False
    missing = np.setdiff1d(images.labels[attacked], labels)
    facts = PublicFacts(
        name=public.name,
        part="" if elsewhere is None else elsewhere.part,
        n=len(labels),
        classes=len(np.unique(labels)),
        elsewhere=elsewhere is not None,
        same_data=elsewhere is None or elsewhere.same_data,
        unknown_classes=0 if elsewhere is None else elsewhere.unknown,
        missing_classes=tuple(images.classes[label] for label in missing.tolist()),
        unrecognisable=int(np.isin(images.labels[attacked], missing).sum()),
        may_be_members=membership,
    )
    if facts.missing_classes:
        log(
            f"{public.name} has no public image of {len(facts.missing_classes)} classes of "
            f"attacked images, so none of these can be recognised: {_named(facts.missing_classes)}"
        )
    return facts


def _hint_at_names(public: ImageSet, images: ImageSet) -> str:
    """Return what to do where only one of the two sets has names for folders that both have."""
    shared = set(class_folders(public)) & set(class_folders(images))
    if not shared:
        return ""
    return (
        f"; both have folders such as {min(shared)}: put the words.txt or LOC_synset_mapping.txt "
        "of the one into the folder of the other"
    )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_CLASSES])
    more = len(names) - NAMED_CLASSES
    return f"{shown} and {more} more" if more > 0 else shown
