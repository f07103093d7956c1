"""Queries, groups and additions of a fit by a method other than dense, step by step."""

from __future__ import annotations

from collections.abc import Mapping

from imprint.core.arrays import IntArray
from imprint.lenses.leave_one_out.findings import QueryFindings, QueryStudyFindings
from imprint.lenses.leave_one_out.large.solutions import Solutions
from imprint.lenses.leave_one_out.options import SolverOptions
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large_additions import AddLargeRecords
from imprint.lenses.leave_one_out.study.large_groups import LeaveOutLargeGroups
from imprint.lenses.leave_one_out.study.large_model import LargeModel
from imprint.lenses.leave_one_out.study.large_queries import AnswerLargeQueries
from imprint.lenses.leave_one_out.study.solve import (
    SolveAdditions,
    SolveGroups,
    SolveInputs,
    SolveQueries,
)
from imprint.study.store import Study


def answer(
    study: Study,
    model: LargeModel,
    options: SolverOptions,
    queries: Queries | None,
    groups: Mapping[str, IntArray] | None = None,
    added: Queries | None = None,
) -> QueryStudyFindings:
    """Solve for what is asked and write its measures; return the findings.

    Args:
        study: where to.
        model: the fit.
        options: measures and their number type.
        queries: inputs.
        groups: rows of the records of each.
        added: records that the fit lacks.

    Raises:
        ImprintError: the conjugate gradients did not converge, a value is lost in rounding, or
            the disk is full.
    """
    solved = None if queries is None else _solve(study, SolveQueries(model, queries.queries))
    answers: QueryFindings | None = None
    if queries is not None and solved is not None:
        step = AnswerLargeQueries(model, queries, options.measures, options.values, solved)
        answers = conclude(study, step)
    left_out = None
    if groups is not None:
        blocks = _solve(study, SolveGroups(model, groups))
        left_out = conclude(study, LeaveOutLargeGroups(model, groups, queries, blocks, solved))
    additions = None
    if added is not None:
        own = _solve(study, SolveAdditions(model, added.queries))
        additions = conclude(study, AddLargeRecords(model, added, queries, own, solved))
    return QueryStudyFindings(queries=answers, groups=left_out, additions=additions)


def _solve(study: Study, step: SolveInputs | SolveGroups) -> Solutions:
    return step.open(study.run(step))
