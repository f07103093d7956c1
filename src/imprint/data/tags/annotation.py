"""Tags: what an annotator says is in a picture, in words and with a score each.

A set of tags is held in compressed rows, like a sparse matrix: the tags of image i are
``tags[offsets[i] : offsets[i + 1]]``, numbers into one vocabulary. Anything that names what it
sees in a crop is an :class:`Annotator`: visual words, a tagging network, or a file of tags made
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class Tags:
    """The tags of n images.

    Args:
        vocabulary: every tag there can be, each once.
        offsets: int64 ``[n + 1]``, from 0 to t, never falling.
        tags: int64 ``[t]``, numbers into the vocabulary; a tag at most once an image.
        scores: float64 ``[t]``, finite; higher where the annotator is more confident.

    Raises:
        ImprintError: arrays that do not fit together.
    """

    vocabulary: tuple[str, ...]
    offsets: IntArray
    tags: IntArray
    scores: FloatArray

    def __post_init__(self) -> None:
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ImprintError("tags: the vocabulary holds a tag twice: name each once")
        offsets = np.asarray(self.offsets)
        ends = offsets.ndim == 1 and len(offsets) and (offsets[0], offsets[-1])
        if not ends or ends != (0, len(self.tags)) or (np.diff(offsets) < 0).any():
            raise ImprintError(
                f"tags: offsets must rise from 0 to the number of tags ({len(self.tags)})"
            )
        if np.shape(self.tags) != np.shape(self.scores):
            raise ImprintError(f"tags: {len(self.tags)} tags need as many scores")
        if len(self.tags) and not 0 <= self.tags.min() <= self.tags.max() < len(self.vocabulary):
            raise ImprintError(
                f"tags: numbers run from {self.tags.min()} to {self.tags.max()}: they must lie in "
                f"0…{len(self.vocabulary) - 1}, the vocabulary"
            )
        if not np.isfinite(self.scores).all():
            raise ImprintError("tags: a score is not finite: leave that tag out")
        named = self.image_of_tag * max(1, len(self.vocabulary)) + self.tags
        if len(np.unique(named)) != len(named):
            raise ImprintError("tags: an image has a tag twice: keep the higher score")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def image_of_tag(self) -> IntArray:
        """The row of the image that each tag belongs to, int64 ``[t]``."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def words(self, image: int) -> list[tuple[str, float]]:
        """Return the tags of one image with their scores, in the order they are held."""
        held = slice(self.offsets[image], self.offsets[image + 1])
        return [
            (self.vocabulary[tag], float(score))
            for tag, score in zip(self.tags[held], self.scores[held], strict=True)
        ]

    def rows(self, rows: ArrayLike) -> Tags:
        """Return the tags of some images, by number or mask, in that order."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        counts = np.diff(self.offsets)[chosen]
        offsets = _offsets(counts)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        held = np.repeat(self.offsets[:-1][chosen], counts) + within
        return Tags(self.vocabulary, offsets, self.tags[held], self.scores[held])

    def top(self, k: int) -> Tags:
        """Return the k tags with the highest score of each image, highest first.

        Equal scores: the tag that comes first in the vocabulary.

        Raises:
            ImprintError: k is below 1.
        """
        if k < 1:
            raise ImprintError(f"cannot keep the {k} best tags: choose 1 or more")
        image = self.image_of_tag
        order = np.lexsort((self.tags, -self.scores, image))
        place = np.arange(len(order)) - self.offsets[image]
        kept = order[place < k]
        counts = np.bincount(image[kept], minlength=len(self))
        return Tags(self.vocabulary, _offsets(counts), self.tags[kept], self.scores[kept])


@runtime_checkable
class Annotator(Protocol):
    """Anything that names what it sees in crops; labels of the crops play no part."""

    @property
    def name(self) -> str:
        """What the annotator is called in reports and cards."""
        ...

    def annotate(self, crops: Pixels) -> Tags:
        """Return the tags of crops, a function of each crop alone.

        The vocabulary is the same at every call, so that batches can be joined.

        Args:
            crops: uint8 ``[n, 3, H, W]``.
        """
        ...


def tags_from_words(
    images: Iterable[Sequence[tuple[str, float]]], vocabulary: Sequence[str] | None = None
) -> Tags:
    """Return the tags of images given as words.

    Args:
        images: for each image its (tag, score) pairs.
        vocabulary: every tag there can be; those that occur, sorted, when None.

    Raises:
        ImprintError: a tag that the vocabulary lacks, or twice at one image.

    Examples:
        >>> tags = tags_from_words([[("sky", 0.9), ("sea", 0.4)], []])
        >>> tags.vocabulary, tags.offsets.tolist(), tags.tags.tolist()
        (('sea', 'sky'), [0, 2, 2], [1, 0])
    """
    listed = [list(pairs) for pairs in images]
    known = (
        tuple(vocabulary)
        if vocabulary is not None
        else tuple(sorted({word for pairs in listed for word, _ in pairs}))
    )
    number = {word: place for place, word in enumerate(known)}
    words = [word for pairs in listed for word, _ in pairs]
    unknown = next((word for word in words if word not in number), None)
    if unknown is not None:
        raise ImprintError(f"tags: {unknown!r} is not in the vocabulary of {len(known)} tags")
    return Tags(
        known,
        _offsets(np.array([len(pairs) for pairs in listed], dtype=np.int64)),
        np.array([number[word] for word in words], dtype=np.int64),
        np.array([score for pairs in listed for _, score in pairs], dtype=np.float64),
    )


def join_tags(parts: Sequence[Tags]) -> Tags:
    """Return the tags of several batches as one set, in order.

    Raises:
        ImprintError: no batch, or batches of different vocabularies.
    """
    if not parts:
        raise ImprintError("tags: there is no batch to join")
    if any(part.vocabulary != parts[0].vocabulary for part in parts):
        raise ImprintError("tags: batches of different vocabularies cannot be joined")
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    return Tags(
        parts[0].vocabulary,
        _offsets(counts),
        np.concatenate([part.tags for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def _offsets(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
