"""Criteria fitted to training activations once, and what they see of tests, any number of times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.measure.measure import (
    GROUPS,
    MAX_BATCH,
    fit,
    see,
    split_into_groups,
)
from imprint.lenses.coverage.measure.seen_tests import SeenTests
from imprint.neurons.activations import ActivationTable, Layers

AnyFloats = NDArray[np.floating[Any]]
OF_GAPS = "idc"
"""The criterion in whose neurons gaps are looked for."""
UNKNOWN_TEST_CLASSES = "the classes of the test inputs are not known"
UNKNOWN_TRAINING_CLASSES = "the classes of the training inputs are not known"


@dataclass(frozen=True, eq=False)
class TrainingInputs:
    """What is kept of training inputs besides what criteria learned.

    Attributes:
        count: of inputs.
        classes: int64, ascending, that some input has; None where unknown.
        neurons: int64 ``[m]``, in which gaps are looked for; None to look for none.
        values: ``[N, m]``, their activations.
        index: int64 ``[N]``, which inputs they are.
    """

    count: int
    classes: IntArray | None
    neurons: IntArray | None = None
    values: AnyFloats | None = None
    index: IntArray | None = None


@dataclass(frozen=True, eq=False)
class FittedCriteria:
    """Criteria that are ready to see tests.

    Attributes:
        layers: of the network.
        settings: of every chosen criterion, by its name.
        criteria: those that could be fitted, by name; they saw nothing yet.
        missing: why the others could not be, by name.
        training: inputs they were fitted to; None without.
    """

    layers: Layers
    settings: Mapping[str, Any]
    criteria: Mapping[str, Criterion]
    missing: Mapping[str, str]
    training: TrainingInputs | None


@dataclass(frozen=True, eq=False)
class SeenCoverage:
    """What fitted criteria saw of some tests.

    Attributes:
        seen: by name of the criterion.
        missing: why others saw nothing, by name.
        inputs: tests.
        values: ``[M, m]``, activations of the neurons of gaps; None to look for none.
    """

    seen: Mapping[str, SeenTests]
    missing: Mapping[str, str]
    inputs: int
    values: AnyFloats | None = None


def fit_criteria(
    layers: Layers, settings: Mapping[str, Any], train: ActivationTable | None, gaps: bool = False
) -> FittedCriteria:
    """Make and fit criteria; those that cannot be are missing with the reason.

    Args:
        layers: of the network.
        settings: of each criterion by its name.
        train: activations of training inputs; None leaves out the criteria that read them.
        gaps: whether to keep what looking for gaps takes.
    """
    criteria, missing = _make(layers, settings, train)
    missing |= fit(criteria, train)
    ready = {name: each.fresh() for name, each in criteria.items() if name not in missing}
    training = None if train is None else _training_inputs(train, ready.get(OF_GAPS), gaps)
    return FittedCriteria(layers, settings, ready, missing, training)


def see_tests(
    fitted: FittedCriteria, test: ActivationTable, seed: int, first: int = 0, groups: int = GROUPS
) -> SeenCoverage:
    """Return what criteria see of tests, in one pass.

    Inputs reach criteria in a random order, so that the groups of an interval are alike; the
    few criteria whose value depends on the order see them as they come.

    Args:
        fitted: criteria; they stay as they are.
        test: activations of the tests.
        seed: of the order.
        first: number of the first test, unlike those of all that it may be merged with.
        groups: of test inputs, for the intervals.

    Raises:
        ImprintError: no test inputs, or activations that are not finite.
    """
    free, batches = in_random_order(fitted, test, seed, groups)
    seen = see(free, map(test.batch, batches), groups, first) if free else {}
    return with_ordered(fitted, test, seen, groups, first)


def in_random_order(
    fitted: FittedCriteria, test: ActivationTable, seed: int, groups: int = GROUPS
) -> tuple[Mapping[str, Criterion], list[IntArray]]:
    """Return the criteria whose value depends on no order, and the batches that they see.

    Arguments and errors as of :func:`see_tests`.
    """
    if not len(test):
        raise ImprintError("no test inputs were given: coverage needs at least one")
    ready = _ready(fitted, test)
    order = generator(seed, "coverage order").permutation(len(test))
    free = {name: each for name, each in ready.items() if each.order_free}
    return free, split_into_groups(order, groups)


def with_ordered(
    fitted: FittedCriteria,
    test: ActivationTable,
    seen: Mapping[str, SeenTests],
    groups: int = GROUPS,
    first: int = 0,
) -> SeenCoverage:
    """Return what all criteria see: the others see the tests as they come.

    Args:
        fitted: as of :func:`see_tests`, like the others.
        test: activations of the tests.
        seen: by the criteria whose value depends on no order.
        groups: of test inputs.
        first: number of the first test.
    """
    every = dict(seen)
    for name, criterion in sorted(_ready(fitted, test).items()):
        if not criterion.order_free:
            size = getattr(criterion.options, "batch_size", MAX_BATCH)
            every |= see({name: criterion}, test.batches(size), groups, first)
    missing = dict(fitted.missing) | unseen_reasons(fitted, test)
    of_gaps = None if fitted.training is None else fitted.training.neurons
    values = None if of_gaps is None else test.columns(of_gaps)
    return SeenCoverage(every, missing, len(test), values)


def _ready(fitted: FittedCriteria, test: ActivationTable) -> dict[str, Criterion]:
    missing = fitted.missing.keys() | unseen_reasons(fitted, test)
    return {name: each for name, each in fitted.criteria.items() if name not in missing}


def judged_by(test: ActivationTable, classes: str) -> ActivationTable:
    """Return tests with the classes by which criteria judge them.

    Args:
        test: activations.
        classes: ``given``, or ``predicted`` by the network; also where none is given.
    """
    if test.predictions is None or (classes == "given" and test.labels is not None):
        return test
    return replace(test, labels=test.predictions)


def merge_seen(parts: list[SeenCoverage]) -> SeenCoverage:
    """Return what criteria of one fit saw of several sets of tests together.

    The first one's states are changed. A criterion whose value depends on the order of inputs is
    missing.

    Args:
        parts: at least one, of one fit and of different tests.
    """
    whole = parts[0]
    missing = {name: reason for part in parts for name, reason in part.missing.items()}
    seen = {}
    for name in whole.seen.keys() - missing.keys():
        if not whole.seen[name].parts[0].order_free and len(parts) > 1:
            missing[name] = "its value depends on the order of the inputs, so that it cannot merge"
            continue
        seen[name] = whole.seen[name]
        for other in parts[1:]:
            seen[name].merge(other.seen[name])
    values = [part.values for part in parts if part.values is not None]
    inputs = sum(part.inputs for part in parts)
    joined = np.concatenate(values) if len(values) == len(parts) else None
    return SeenCoverage(seen, missing, inputs, joined)


def _make(
    layers: Layers, settings: Mapping[str, Any], train: ActivationTable | None
) -> tuple[dict[str, Criterion], dict[str, str]]:
    criteria: dict[str, Criterion] = {}
    missing: dict[str, str] = {}
    for name, options in settings.items():
        try:
            criterion = CRITERIA.get(name)(layers, options)
        except ImprintError as error:
            missing[name] = str(error)
            continue
        if criterion.reads_labels and train is not None and train.labels is None:
            missing[name] = UNKNOWN_TRAINING_CLASSES
        else:
            criteria[name] = criterion
    return criteria, missing


def _training_inputs(
    train: ActivationTable, of_gaps: Criterion | None, gaps: bool
) -> TrainingInputs:
    classes = None if train.labels is None else np.unique(train.labels)
    if not gaps or not isinstance(of_gaps, CellCriterion):
        return TrainingInputs(len(train), classes)
    neurons = of_gaps.neurons.numpy()
    index = np.arange(len(train)) if train.index is None else train.index
    return TrainingInputs(len(train), classes, neurons, train.columns(neurons), index)


def unseen_reasons(fitted: FittedCriteria, test: ActivationTable) -> dict[str, str]:
    """Return why fitted criteria cannot see these tests, by name."""
    reasons: dict[str, str] = {}
    training = fitted.training
    for name in fitted.settings:
        criterion = fitted.criteria.get(name)
        of_training = fitted.missing.get(name) == UNKNOWN_TRAINING_CLASSES
        if not of_training and (criterion is None or not criterion.reads_labels):
            continue
        if test.labels is None:
            reasons[name] = UNKNOWN_TEST_CLASSES
        elif training is not None and training.classes is not None:
            unknown = np.setdiff1d(test.labels, training.classes)
            if len(unknown):
                reasons[name] = f"no training input has class {unknown[0]}, which test inputs have"
    return reasons
