"""What a study knows of its model as a whole: ``model`` in ``summary.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion

if TYPE_CHECKING:
    from imprint.nets.load import NetworkFile


@dataclass(frozen=True, kw_only=True)
class ModelAccuracy:
    """The share of records that the model gets right; a mean over models has no interval.

    Attributes:
        members: of the records it was trained on.
        non_members: of those it was not.
        tests: of a set of tests beside these.
    """

    members: Estimate | float | None = None
    non_members: Estimate | float | None = None
    tests: Estimate | float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The model under audit, or several that were trained alike.

    Attributes:
        fingerprint: SHA-256 of weights and card, in hexadecimal digits.
        architecture: its name.
        task: such as ``classification`` or ``regression``.
        accuracy: what it gets right.
        models: how many models the numbers are means over; None of one model.
    """

    fingerprint: str | None = None
    architecture: str | None = None
    task: str | None = None
    accuracy: ModelAccuracy | None = None
    models: int | None = None


def accuracy_estimate(share: float, count: int) -> Estimate:
    """Return a share of ``count`` records with its interval.

    >>> accuracy_estimate(0.75, 4).n
    4
    """
    return proportion(round(share * count), count)


def network_facts(file: NetworkFile, accuracy: ModelAccuracy | None = None) -> ModelFacts:
    """Return what is known of a network in a file.

    Raises:
        ImprintError: the file or its card cannot be read.
    """
    return ModelFacts(
        fingerprint=file.fingerprint(), architecture=file.card.architecture, accuracy=accuracy
    )
