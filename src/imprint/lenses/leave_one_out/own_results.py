"""Influence of members on a user's own network: ``imprint.leave_one_out.influence``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imprint.core.arrays import FloatArray
from imprint.lenses.leave_one_out.influence_findings import InfluenceFindings
from imprint.lenses.leave_one_out.page.influence import (
    agreement_table,
    behind_tests,
    strongest_table,
)
from imprint.report.result import Result
from imprint.report.table import Table


@dataclass(frozen=True, eq=False)
class OwnInfluence(Result):
    """Estimates of the influence of members on the network itself.

    Attributes:
        on_tests: by estimator, by how much training on each member lowered the loss of each test,
            float64 ``[members, tests]``: above 0 it helped.
        on_itself: by estimator, of each member on its own loss, float64 ``[members]``; estimators
            without are left out.
        findings: the strongest members, those behind single tests, and how alike estimators rank.
    """

    on_tests: Mapping[str, FloatArray]
    on_itself: Mapping[str, FloatArray]
    findings: InfluenceFindings

    def tables(self) -> Sequence[Table]:
        """Return, of each estimator, the strongest members and those behind tests."""
        tables = []
        for name, estimator in self.findings.estimators.items():
            if estimator.strongest:
                tables.append(strongest_table(name, estimator))
            tables.append(behind_tests(name, estimator))
        return [*tables, agreement_table(self.findings)] if self.findings.agreement else tables
