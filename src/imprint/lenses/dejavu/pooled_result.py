"""Tests of several training seeds, pooled from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.outcomes import Outcomes
from imprint.lenses.dejavu.memorization.pool import SeedOutcomes, pool_seeds
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table


class DirectionResult(Protocol):
    """What is pooled: a result of :func:`imprint.dejavu.two_model`."""

    @property
    def index(self) -> IntArray:
        """The images, int64 ``[n]``."""
        ...

    @property
    def categories(self) -> IntArray:
        """Their categories, int64 ``[n]``."""
        ...

    @property
    def target(self) -> ClassVotes:
        """Votes under the target model."""
        ...

    @property
    def reference(self) -> ClassVotes:
        """Votes under the reference model."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class PooledResult(Result):
    """Two-model tests of several training seeds, pooled.

    Attributes:
        findings: the test by percentage with intervals for other seeds and other images
            (``test``), the variation of the score between seeds and between images (``spread``),
            and every seed by itself (``seeds``).
    """

    findings: PooledFindings

    def tables(self) -> Sequence[Table]:
        """Return the score of every seed and of all together."""
        from imprint.lenses.dejavu.page.pooled import pooled_table

        return [pooled_table(self.findings, title="Déjà vu score over training seeds")]

    def figures(self) -> Sequence[Figure]:
        """Return the score of every seed and of all together, with intervals."""
        from imprint.lenses.dejavu.page.pooled import seeds_figure

        return [seeds_figure(self.findings)]


def pool(
    results: Sequence[DirectionResult | Sequence[DirectionResult]],
    *,
    names: Sequence[str] | None = None,
    top_percent: Sequence[float] = (100, 20),
    seed: int = 0,
) -> PooledResult:
    """Pool two-model tests of models that were trained with other seeds on the same images.

    The interval holds both the variance between training seeds and that between images; it covers
    at least 95 % with two seeds or more.

    Args:
        results: one a training seed: a result of :func:`imprint.dejavu.two_model`, or several of
            its directions, such as A on its images and B on its; all on the same images.
        names: of the seeds; by default their places.
        top_percent: percentages of most confident images to report, in (0, 100].
        seed: of the bootstrap.

    Returns:
        A result that prints as a table; ``to_frame()``, ``plot()``.

    Raises:
        ImprintError: fewer than two seeds, results of other images, or names that do not fit.

    Examples:
        >>> import numpy as np
        >>> from imprint.dejavu import two_model
        >>> labels, public_labels = np.arange(60) % 3, np.arange(300) % 3
        >>> def test_of(seed):
        ...     random = np.random.default_rng(seed)
        ...     public = 3 * np.eye(3)[public_labels] + random.normal(size=(300, 3))
        ...     target = np.eye(3)[labels] + random.normal(size=(60, 3))
        ...     reference = random.normal(size=(60, 3))
        ...     return two_model(public, public_labels, target, reference, labels, k=20)
        >>> pooled = pool([test_of(seed) for seed in range(3)])
        >>> pooled.findings.test["100"].score.value > 0.1
        True
        >>> len(pooled.findings.seeds)
        3
    """
    named = [f"seed {place}" for place in range(len(results))] if names is None else names
    if len(named) != len(results):
        raise ImprintError(f"{len(results)} results need as many names, got {len(named)}")
    seeds = [
        SeedOutcomes(str(name), tuple(_outcomes(each, side) for side, each in enumerate(sides)))
        for name, sides in zip(named, map(_directions, results), strict=True)
    ]
    return PooledResult(pool_seeds(seeds, tuple(top_percent), seed))


def _directions(result: DirectionResult | Sequence[DirectionResult]) -> Sequence[DirectionResult]:
    return result if isinstance(result, Sequence) else [result]


def _outcomes(result: DirectionResult, side: int) -> Outcomes:
    kinds = np.eye(len(CATEGORIES), dtype=bool)[result.categories]
    confidences = result.target.confidence, result.reference.confidence
    return Outcomes(f"side {side}", result.index, kinds, *confidences)
