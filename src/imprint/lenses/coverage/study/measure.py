"""Criteria measured on tables of activations: what each says, and why some say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.lenses.coverage.measure.measure import (
    GROUPS,
    LARGEST_BATCH,
    Finding,
    deal,
    fit,
    measure,
)
from imprint.lenses.coverage.measure.ratio import published_ratio
from imprint.lenses.coverage.study.options import CorrectOnly, CriteriaChoice
from imprint.neurons.activations import ActivationTable, Batch
from imprint.probe.neurons.activations import only_correct
from imprint.study.plain import to_plain

ALL = "all"


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured.

    Attributes:
        found: by name of the criterion.
        missing: why the others say nothing, by name.
        options: settings of every criterion that was asked for, as JSON values.
    """

    found: Mapping[str, Finding]
    missing: Mapping[str, str]
    options: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as JSON values, a criterion a key, sorted."""
        told: dict[str, Any] = {
            name: {**finding.to_dict(), "published_ratio": _published(name, finding)}
            for name, finding in self.found.items()
        }
        told |= {name: {"missing": reason} for name, reason in self.missing.items()}
        return {name: {**told[name], "options": self.options[name]} for name in sorted(told)}


def choose_criteria(names: Sequence[str]) -> list[str]:
    """Return the criteria of these names, every one for ``all``.

    Raises:
        ImprintError: no criterion has that name, or none is asked for.
    """
    if not names:
        raise ImprintError("no criterion is asked for: give --criteria all, or some of their names")
    if ALL in names:
        return CRITERIA.names()
    for name in names:
        CRITERIA.get(name)
    return sorted(set(names))


def settings_of(choice: CriteriaChoice) -> dict[str, Any]:
    """Return the options of each criterion that is asked for, by name.

    Raises:
        ImprintError: an unknown criterion or option, or an impossible value.
    """
    names = choose_criteria(choice.criteria)
    texts = [f"{name}={value}" for group in choice.param for name, value in group]
    given = parse_parameters(texts)
    idle = [name for name in given if name not in names]
    if idle:
        raise ImprintError(
            f"--param sets {idle[0]!r}, which is not measured: add it to --criteria, or leave "
            "the setting out"
        )
    return {name: given.get(name, CRITERIA.get(name).Options()) for name in names}


def keep_correct(
    train: ActivationTable | None, test: ActivationTable, which: CorrectOnly
) -> tuple[ActivationTable | None, ActivationTable]:
    """Return the tables without the inputs whose class the network does not name.

    Raises:
        ImprintError: nobody knows which these are, or no input is left.
    """
    if train is not None and which in ("build", "both"):
        train = only_correct(train)
    return train, only_correct(test) if which in ("eval", "both") else test


def measure_tables(
    train: ActivationTable | None,
    test: ActivationTable,
    options: Mapping[str, Any],
    seed: int,
    groups: int = GROUPS,
) -> Measured:
    """Build each criterion from training activations, and measure the test activations.

    Inputs reach criteria in a random order, so that the groups behind an interval are alike; the
    few criteria whose value depends on the order see them as they come.

    Args:
        train: of training data; None leaves out the criteria that read it.
        test: of test data.
        options: settings of each criterion by its name.
        seed: of the order.
        groups: of test inputs, for the intervals.

    Raises:
        ImprintError: no test inputs.
    """
    criteria, missing = make(test, options)
    for name in list(criteria):
        reason = _labels_lack(criteria[name], train, test)
        if reason:
            missing[name] = reason
            del criteria[name]
    missing |= fit(criteria, train)
    ready = {name: criterion for name, criterion in criteria.items() if name not in missing}
    free = {name: criterion for name, criterion in ready.items() if criterion.order_free}
    bound = {name: criterion for name, criterion in ready.items() if not criterion.order_free}
    order = generator(seed, "coverage order").permutation(len(test))
    found = measure(free, _picked(test, deal(order, groups)), groups) if free else {}
    for name, criterion in bound.items():
        size = getattr(criterion.options, "batch_size", LARGEST_BATCH)
        found |= measure({name: criterion}, test.batches(size), groups)
    return Measured(
        found, missing, {name: plain_settings(given) for name, given in options.items()}
    )


def _published(name: str, finding: Finding) -> float:
    """Return the value on the scale of WISDOM's comparisons; a share is that already."""
    criterion = finding.criterion
    if getattr(criterion.options, "upper", 0):
        return finding.value
    return published_ratio(name, finding.value, finding.n, criterion.fresh().value())


def plain_settings(options: Any) -> dict[str, Any]:
    """Return settings as JSON values, without the votes, which have a table of their own."""
    return {name: value for name, value in to_plain(options).items() if name != "votes"}


def make(
    table: ActivationTable, options: Mapping[str, Any]
) -> tuple[dict[str, Criterion], dict[str, str]]:
    """Return new criteria for a network, and why some cannot be made for it."""
    criteria: dict[str, Criterion] = {}
    missing: dict[str, str] = {}
    for name, given in options.items():
        try:
            criteria[name] = CRITERIA.get(name)(table.layers, given)
        except ImprintError as error:
            missing[name] = str(error)
    return criteria, missing


def _labels_lack(
    criterion: Criterion, train: ActivationTable | None, test: ActivationTable
) -> str | None:
    """Return what a criterion that reads labels lacks; None where it lacks nothing."""
    if not criterion.reads_labels or (train is None and criterion.reads_training):
        return None
    if test.labels is None or (train is not None and train.labels is None):
        which = "test" if test.labels is None else "training"
        return f"the classes of the {which} inputs are not known"
    if train is None or train.labels is None:
        return None
    strangers = np.setdiff1d(test.labels, train.labels)
    if len(strangers):
        return f"no training input has class {strangers[0]}, which test inputs have"
    return None


def _picked(table: ActivationTable, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
    return (table.batch(rows) for rows in parts)
