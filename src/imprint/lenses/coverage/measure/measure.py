"""Coverage criteria measured in one pass over the test activations, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.measure.seen_tests import Measurement, SeenTests
from imprint.neurons.activations import ActivationTable, Batch

GROUPS = 20
MAX_BATCH = 4096


def make_criteria(
    options: Mapping[str, Any], train: ActivationTable | None, test: ActivationTable
) -> tuple[dict[str, Criterion], dict[str, str]]:
    """Return new criteria for a network, and why some cannot be made for it or for its inputs."""
    criteria: dict[str, Criterion] = {}
    missing: dict[str, str] = {}
    for name, settings in options.items():
        try:
            criterion = CRITERIA.get(name)(test.layers, settings)
            _require_labels(criterion, train, test)
            criteria[name] = criterion
        except ImprintError as error:
            missing[name] = str(error)
    return criteria, missing


def _require_labels(
    criterion: Criterion, train: ActivationTable | None, test: ActivationTable
) -> None:
    """Refuse inputs without the labels that a criterion reads."""
    if not criterion.reads_labels or (train is None and criterion.reads_training):
        return
    if test.labels is None or (train is not None and train.labels is None):
        part = "test" if test.labels is None else "training"
        raise ImprintError(f"the classes of the {part} inputs are not known")
    if train is None or train.labels is None:
        return
    unknown = np.setdiff1d(test.labels, train.labels)
    if len(unknown):
        raise ImprintError(f"no training input has class {unknown[0]}, which test inputs have")


def fit(criteria: Mapping[str, Criterion], train: ActivationTable | None) -> dict[str, str]:
    """Fit every criterion that reads training data; return why some could not be.

    Args:
        criteria: by name.
        train: activations of training data; None where there are none.

    Returns:
        The reason by name, of those criteria alone that must be left out.
    """
    reasons = {}
    for name, criterion in criteria.items():
        if not criterion.reads_training:
            continue
        if train is None:
            reasons[name] = "no activations of training data were given"
            continue
        try:
            criterion.fit(train)
        except ImprintError as error:
            reasons[name] = str(error)
    return reasons


def measure(
    criteria: Mapping[str, Criterion], batches: Iterable[Batch], groups: int = GROUPS
) -> dict[str, Measurement]:
    """Measure every criterion in one pass over the inputs.

    For intervals by groups each batch goes to one group in turn; the inputs should come in no order
    that means anything, for batches of one class each make it too wide. A criterion that depends
    on the order sees the batches as they come, and has no interval.

    Args:
        criteria: by name, fitted; they stay as they are.
        batches: of test activations, as :func:`split_into_groups` cuts them.
        groups: how many groups.

    Raises:
        ImprintError: no inputs, or fewer than two groups.
    """
    if groups < 2:
        raise ImprintError(f"groups must be at least 2, got {groups}")
    seen = see(criteria, batches, groups)
    if seen and not any(each.inputs for each in seen.values()):
        raise ImprintError("no test inputs were given: coverage needs at least one")
    return {name: each.measurement() for name, each in seen.items()}


def see(
    criteria: Mapping[str, Criterion],
    batches: Iterable[Batch],
    groups: int = GROUPS,
    first: int = 0,
    place: int = 0,
) -> dict[str, SeenTests]:
    """Return what every criterion sees in one pass; arguments as :func:`measure`.

    Args:
        criteria: by name, fitted; they stay as they are.
        batches: of test activations.
        groups: how many groups.
        first: number of the first test, unlike those of all that it may be merged with.
        place: of the first batch among all, which says its group.
    """
    seen = {name: SeenTests.none(each, groups, first) for name, each in criteria.items()}
    for number, batch in enumerate(batches, place):
        for each in seen.values():
            each.see(batch, number)
    return seen


def split_into_groups(
    rows: IntArray, groups: int = GROUPS, largest: int = MAX_BATCH
) -> list[NDArray[np.int64]]:
    """Return inputs in batches that :func:`measure` assigns to groups of equal size.

    Groups differ by one input at most: the jackknife takes each as a draw of the same kind.

    >>> [len(part) for part in split_into_groups(np.arange(43))]
    [3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]

    Args:
        rows: int64 ``[n]``, in the order in which inputs come.
        groups: how many groups.
        largest: inputs a batch.
    """
    rounds = math.ceil(len(rows) / (groups * largest))
    return np.array_split(rows, max(1, min(len(rows), groups * rounds)))
