"""Which records are fitted: the classes that are kept, and how many of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.composition_options import CompositionChoice
from imprint.lenses.leave_one_out.options import RecordOptions


def kept_classes(names: Sequence[str], choice: Sequence[str], where: str) -> IntArray:
    """Return the positions of the classes that are kept, int64, rising.

    >>> kept_classes(["cat", "dog", "owl"], ("2",), "photos").tolist()
    [0, 1]
    >>> kept_classes(["cat", "dog", "owl"], ("owl", "cat"), "photos").tolist()
    [0, 2]

    Args:
        names: of all classes.
        choice: of the option ``--classes``.
        where: the data, for messages.

    Raises:
        ImprintError: fewer than 2 classes, more than there are, or a name that no class has.
    """
    if not choice or tuple(choice) == ("0",):
        return np.arange(len(names), dtype=np.int64)
    if len(choice) == 1 and choice[0].strip().isdecimal():
        count = int(choice[0])
        if not 2 <= count <= len(names):
            raise ImprintError(
                f"--classes {count}: {where} has {len(names)} classes, and a fit needs 2 or more"
            )
        return np.arange(count, dtype=np.int64)
    wanted = [name.strip() for name in choice]
    for name in wanted:
        if name not in names:
            known = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
            raise ImprintError(f"--classes: {where} has no class {name!r}, but {known}")
    if len(set(wanted)) < 2:
        raise ImprintError(f"--classes {wanted[0]}: name 2 classes or more, or a number of them")
    return np.sort(np.array([list(names).index(name) for name in set(wanted)], dtype=np.int64))


def compose(
    labels: IntArray, kept: IntArray, choice: CompositionChoice, records: int, seed: int
) -> IntArray:
    """Return which candidates are fitted, int64, rising.

    Args:
        labels: class of each candidate, ``[n]``.
        kept: classes that may be fitted.
        choice: of the composition.
        records: how many to draw at most; 0 takes all that the composition allows.
        seed: of the draw.

    Raises:
        ImprintError: too few candidates, or a number that the classes do not divide.
    """
    candidates = np.flatnonzero(np.isin(labels, kept))
    if choice.composition == "one_class":
        present = np.unique(labels[candidates])
        chosen = present[generator(seed, "class of the data").integers(len(present))]
        candidates = candidates[labels[candidates] == chosen]
    order = candidates[generator(seed, "leave-one-out records").permutation(len(candidates))]
    if choice.composition != "balanced":
        return np.sort(order[: records or len(order)]).astype(np.int64)
    each = _number_of_each(labels[candidates], kept, records)
    taken = [order[labels[order] == label][:each] for label in kept]
    return np.sort(np.concatenate(taken)).astype(np.int64)


def named_classes(labels: IntArray, kept: IntArray, choice: CompositionChoice) -> IntArray:
    """Return the classes that targets have columns for: of a fit of one class all that are kept."""
    return kept if choice.composition == "one_class" else np.unique(labels)


def composed_rows(
    file: Path, y: NDArray[Any], options: RecordOptions
) -> tuple[IntArray | None, NDArray[Any] | None]:
    """Return the rows of a file that are fitted, and the classes that targets have columns for.

    None for both where the options leave the classes as they are.

    Raises:
        ImprintError: classes that there are not, or too few records of them.
    """
    if not options.classes and options.composition == "drawn":
        return None, None
    classes, labels = np.unique(y, return_inverse=True)
    kept = kept_classes([str(name) for name in classes.tolist()], options.classes, str(file))
    rows = compose(labels.reshape(-1), kept, options, options.records, options.seed)
    return rows, classes[named_classes(labels[rows], kept, options)]


def _number_of_each(labels: IntArray, kept: IntArray, records: int) -> int:
    """Return how many records of each class make a balanced set."""
    least = int(min((labels == label).sum() for label in kept))
    each, rest = divmod(records, len(kept))
    if rest:
        raise ImprintError(
            f"--records {records} cannot be balanced over {len(kept)} classes: give a multiple"
        )
    if max(each, 1) > least:
        raise ImprintError(
            f"--composition balanced: the smallest class has {least} records, and "
            f"--records {records} takes {each} of each: choose fewer"
        )
    return each or least
