"""The fingerprint of a data set: one hash of all it holds, and a hash of each of its images.

The one hash goes on the cards of a study, those of the images into a file of it
(:mod:`imprint.study.kept_fingerprints`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGEST_BYTES = 32
"""Of the SHA-256 of one image."""
_KEPT_BYTES = 8
"""Of each hash of an image in a study: enough to tell which image differs once a set does."""

Digests = NDArray[np.uint8]


class Fingerprint(str):
    """The hash of a data set, a string like any other, that also knows the hash of each image.

    Attributes:
        names: of the images.
        contents: uint8 ``[n, 8]``, the first bytes of the hash of each image's content.
        annotations: uint8 ``[n, 8]``, likewise of its label and boxes.
    """

    names: Sequence[str]
    contents: Digests
    annotations: Digests

    def __new__(
        cls, value: str, names: Sequence[str], contents: Digests, annotations: Digests
    ) -> Self:
        """Make a fingerprint of a hash and its parts."""
        made = super().__new__(cls, value)
        made.names = names
        made.contents = contents[:, :_KEPT_BYTES]
        made.annotations = annotations[:, :_KEPT_BYTES]
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel to other processes as the hash alone."""
        return str, (str(self),)


def fingerprint_of(
    facts: Any,
    names: Sequence[str],
    contents: Digests,
    labels: NDArray[np.int64],
    boxes: Sequence[ArrayLike] | None,
) -> Fingerprint:
    """Return the fingerprint of a set of images.

    Args:
        facts: what else the set depends on, such as the names of its classes; its ``repr`` counts.
        names: of the n images.
        contents: uint8 ``[n, 32]``, the SHA-256 of each image's content.
        labels: int64 ``[n]``.
        boxes: one ``[m, 4]`` array an image, or None for a set without boxes.
    """
    annotations = _annotation_digests(labels, boxes)
    digest = hashlib.sha256(repr((facts, boxes is None, len(names))).encode())
    digest.update("\0".join(names).encode("utf-8", "surrogateescape"))
    digest.update(np.ascontiguousarray(contents).data)
    digest.update(annotations.data)
    return Fingerprint(digest.hexdigest(), names, contents, annotations)


def joined_fingerprint(parts: Sequence[str], value: str) -> str:
    """Return ``value`` as the fingerprint of what is made of the images of one or more sets."""
    known = [part for part in parts if isinstance(part, Fingerprint)]
    if len(known) < len(parts):
        return value
    return Fingerprint(
        value,
        [name for part in known for name in part.names],
        np.concatenate([part.contents for part in known]),
        np.concatenate([part.annotations for part in known]),
    )


def array_digests(rows: NDArray[Any]) -> Digests:
    """Return the SHA-256 of the bytes of every row of an array, uint8 ``[n, 32]``."""
    every = np.ascontiguousarray(rows)
    joined = b"".join(hashlib.sha256(row.data).digest() for row in every)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(every), DIGEST_BYTES)


def fingerprints_in(settings: Any) -> Iterator[Fingerprint]:
    """Yield every fingerprint among the settings of a step."""
    if isinstance(settings, Fingerprint):
        yield settings
    elif isinstance(settings, Mapping):
        for value in settings.values():
            yield from fingerprints_in(value)
    elif isinstance(settings, (list, tuple)):
        for value in settings:
            yield from fingerprints_in(value)


def _annotation_digests(labels: NDArray[np.int64], boxes: Sequence[ArrayLike] | None) -> Digests:
    if boxes is None:
        return np.ascontiguousarray(labels, dtype="<i8").view(np.uint8).reshape(-1, 8)
    parts = (
        hashlib.sha256(f"{label} {np.asarray(table, dtype=np.int64).tolist()}".encode()).digest()
        for label, table in zip(labels.tolist(), boxes, strict=True)
    )
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
