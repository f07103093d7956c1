"""Crops that show their object after all, by what a detector or tagger made elsewhere.

Boxes miss second instances of an object. A crop that holds one gives its class away to any model;
if the target sees it better than the reference does, that counts as memorization and is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.data.boxes.named_objects import NamedObjects, read_named_objects
from imprint.data.tags.tag_files import read_tags
from imprint.data.view import View
from imprint.lenses.dejavu.doubt_options import DoubtChoice

MIN_SHOWN_SHARE = 0.25
"""Share of a detected object's box that a crop must show for the object to be in it."""


@dataclass(frozen=True, eq=False)
class VisibleObjects:
    """What a detector or tagger says of crops.

    Attributes:
        shown: bool ``[n]``, crops that show an object of their class.
        unknown: bool ``[n]``, crops of which nothing is written.
    """

    shown: BoolArray
    unknown: BoolArray


def visible_objects(choice: DoubtChoice, crops: View) -> VisibleObjects | None:
    """Return what the files that options name say of crops; None if they name none.

    Raises:
        ImprintError: files that cannot be read, or of other images.
    """
    if choice.crop_objects is None:
        return None
    return VisibleObjects(*shows_object(crops, choice.crop_objects, choice.crop_object_score))


def shows_object(crops: View, file: Path, min_score: float) -> tuple[BoolArray, BoolArray]:
    """Return which crops show an object of their class, and of which nothing is written.

    Args:
        crops: as models see them.
        file: tags of crops, or a folder of Pascal VOC files of objects in whole images.
        min_score: tags and objects below do not count.

    Returns:
        bool ``[n]`` each.

    Raises:
        ImprintError: files that cannot be read, or of other images.
    """
    images = crops.images
    names = [images.name_of(int(row)) for row in crops.index]
    own = [class_words(images.classes[label]) for label in crops.labels.tolist()]
    if _holds_objects(file):
        objects = read_named_objects(file, names)
        shown = [
            each is not None and _is_shown(each, words, square, min_score)
            for each, words, square in zip(objects, own, crops.squares, strict=True)
        ]
        unknown = [each is None for each in objects]
        return np.array(shown, dtype=bool), np.array(unknown, dtype=bool)
    tags = read_tags(file, names)
    tagged = [tags.words(row) for row in range(len(tags))]
    shown = [
        any(score >= min_score and class_words(word) & words for word, score in each)
        for each, words in zip(tagged, own, strict=True)
    ]
    return np.array(shown, dtype=bool), np.array([not each for each in tagged], dtype=bool)


def class_words(name: str) -> frozenset[str]:
    """Return the synonyms of a name, in lower case and with spaces between words.

    >>> sorted(class_words("Great_White_shark, white shark"))
    ['great white shark', 'white shark']
    """
    spoken = (" ".join(part.replace("_", " ").lower().split()) for part in name.split(","))
    return frozenset(part for part in spoken if part)


def _holds_objects(file: Path) -> bool:
    patterns = ("*.xml", "*/*.xml", "*/*/*.xml")
    return file.is_dir() and any(next(file.glob(each), None) for each in patterns)


def _is_shown(
    objects: NamedObjects, words: frozenset[str], square: FloatArray, min_score: float
) -> bool:
    """Return whether a crop shows enough of an object of its class."""
    shares = shown_shares(objects.boxes, square)
    return any(
        score >= min_score and share >= MIN_SHOWN_SHARE and bool(class_words(name) & words)
        for name, score, share in zip(objects.names, objects.scores, shares, strict=True)
    )


def shown_shares(boxes: FloatArray, square: FloatArray | Sequence[float]) -> FloatArray:
    """Return the share of each box inside a square, float64 ``[m]``; 0 of an empty box."""
    low = np.maximum(boxes[:, :2], np.asarray(square)[:2])
    high = np.minimum(boxes[:, 2:], np.asarray(square)[2:])
    inside = (high - low).clip(min=0).prod(axis=1)
    area = (boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(axis=1)
    return np.asarray(np.divide(inside, area, out=np.zeros(len(boxes)), where=area > 0))
