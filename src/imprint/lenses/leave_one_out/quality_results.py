"""Influence tables beside retrained models, from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from imprint.core.user_arrays import as_array, as_numbers
from imprint.lenses.leave_one_out.influence_quality_findings import InfluenceQualityFindings
from imprint.lenses.leave_one_out.page.influence_quality import (
    quality_table,
    score_figure,
    verdict_statement,
)
from imprint.lenses.leave_one_out.study.given_models import (
    RetrainedArrays,
    models_of,
    top_records,
)
from imprint.lenses.leave_one_out.study.influence_quality import influence_quality
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table
from imprint.study.array_file import arrays_from


@dataclass(frozen=True)
class InfluenceComparison(Result):
    """Influence tables beside retrained models.

    Attributes:
        findings: every measure of every table, and the ceilings.
    """

    findings: InfluenceQualityFindings

    @property
    def verdict(self) -> str:
        """In a sentence, which table predicts retraining and how well."""
        return verdict_statement(self.findings)[1]

    def tables(self) -> Sequence[Table]:
        """Return one row an influence table, the control and the ceiling."""
        return [quality_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return the score of every table with its interval."""
        figure = score_figure(self.findings)
        return () if figure is None else (figure,)


def compare_influence(
    influence: Mapping[str, ArrayLike],
    outputs: ArrayLike,
    members: ArrayLike,
    *,
    query_labels: ArrayLike | None = None,
    pairs: ArrayLike | None = None,
    top: int = 0,
    seed: int = 0,
) -> InfluenceComparison:
    """Compare influence tables of any origin with models that you retrained.

    Args:
        influence: by name ``[N, Q]``, positive where a record raises the output of the right class,
            or lowers the loss, of a query.
        outputs: logits of K models at Q queries, ``[K, Q, C]``; with C = 1 a value, higher is
            better.
        members: 0 and 1, records that each model was trained on, ``[K, N]``.
        query_labels: classes of the queries from 0, ``[Q]``; needed with C > 1.
        pairs: rows of models with and without one record, of the same start, ``[P, 2]``; effects of
            single records are then theirs, and subsets are the models without a pair.
        top: most helpful records of each query, for the accuracy drop; 0 takes a twentieth.
        seed: of groups and halves.

    Returns:
        For each table the linear datamodeling score, the leave-one-out correlation and the accuracy
        drop, with 95 % intervals over queries and what they share, and what the true effects could
        reach with models so few.

    Raises:
        ImprintError: shapes that do not fit, values that cannot be, or too few models.

    Examples:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> influence = random.normal(size=(10, 4))
        >>> members = random.integers(0, 2, size=(20, 10))
        >>> outputs = (members @ influence)[..., None]
        >>> result = compare_influence({"exact": influence}, outputs, members)
        >>> round(result.findings.tables["exact"].datamodeling.value, 3)
        1.0
    """
    given = {"outputs": as_array(outputs, "outputs"), "members": as_array(members, "members")}
    for name, values in (("query_labels", query_labels), ("pairs", pairs)):
        if values is not None:
            given[name] = as_array(values, name)
    arrays = arrays_from(RetrainedArrays, given)
    models = models_of(arrays.outputs, arrays.members, arrays.query_labels, arrays.pairs)
    tables = {name: as_numbers(table, f"influence {name}") for name, table in influence.items()}
    chosen = top_records(top, arrays.members.shape[1])
    return InfluenceComparison(influence_quality(tables, models, chosen, seed))
