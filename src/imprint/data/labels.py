"""Classes as they are written, numbers or names, to labels and names of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError

MAX_CLASSES = 100_000
"""Labels count classes, each with a name and a row in tables; ImageNet-21k has 21,841."""


def numbered_labels(
    written: Sequence[str], spoken: Sequence[str], classes: Sequence[str], where: str
) -> tuple[IntArray, tuple[str, ...]]:
    """Return the label of every image and the names of the classes.

    Args:
        written: for each of n images its class, as a whole number from 0 or as a name.
        spoken: the name of each one's class where a number and a name are written; else empty.
        classes: the names that numbers count, or that names are among; empty where none are known.
        where: the data, for messages.

    Returns:
        int64 ``[n]``, and one name a class. Without ``classes``, numbers go up to the largest, and
        names are sorted.

    Raises:
        ImprintError: numbers and names are mixed, a number is too large or has two names, or a name
            is not among ``classes``.
    """
    different = set(written)
    numbers = {word for word in different if word.isascii() and word.isdigit() and len(word) < 19}
    if not numbers:
        return _of_names(written, sorted(different), classes, where)
    if len(numbers) < len(different):
        odd = next(iter(sorted(different - numbers)))
        raise ImprintError(
            f"{where}: classes are numbers, such as {min(numbers)}, but also {odd[:80]!r}: write "
            "whole numbers from 0 or names throughout"
        )
    labels = np.array([int(word) for word in written], dtype=np.int64)
    most = min(len(classes) or MAX_CLASSES, MAX_CLASSES)
    if labels.max(initial=0) >= most:
        known = f"{len(classes)} classes are named" if classes else f"at most {most} classes count"
        raise ImprintError(
            f"{where}: label {labels.max()} is too large, {known}, from 0 to {most - 1}: renumber"
        )
    names = list(classes) or [str(label) for label in range(int(labels.max(initial=0)) + 1)]
    stated: dict[int, str] = {}
    for label, word in zip(labels.tolist(), spoken, strict=True):
        if word and not classes and stated.setdefault(label, word) != word:
            raise ImprintError(
                f"{where}: class {label} is called both {stated[label]!r} and {word!r}: give it "
                "one name"
            )
    for label, word in stated.items():
        names[label] = word
    return labels, distinct_names(names)


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of classes with the number of the class where two share one.

    >>> distinct_names(["crane", "heron", "crane"])
    ('crane (0)', 'heron', 'crane (2)')
    """
    uses = Counter(names)
    return tuple(
        name if uses[name] == 1 else f"{name} ({label})" for label, name in enumerate(names)
    )


def _of_names(
    written: Sequence[str], different: Sequence[str], classes: Sequence[str], where: str
) -> tuple[IntArray, tuple[str, ...]]:
    names = list(classes) or list(different)
    if len(names) > MAX_CLASSES:
        raise ImprintError(
            f"{where} has {len(names):,} classes, such as {names[0][:80]!r}: at most "
            f"{MAX_CLASSES:,} can be told apart"
        )
    numbers = {name: number for number, name in enumerate(names)}
    stranger = next((name for name in different if name not in numbers), None)
    if stranger is not None:
        raise ImprintError(
            f"{where} has the class {stranger[:80]!r}, which is not among the {len(names)} named "
            "ones: add it"
        )
    return np.array([numbers[name] for name in written], dtype=np.int64), tuple(names)
