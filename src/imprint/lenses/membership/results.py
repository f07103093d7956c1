"""Results of the public API on privacy and memorization, arrays in and findings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.lenses.membership.memorization.chance import count_cases, memorized_by_chance
from imprint.lenses.membership.memorization.estimators import (
    Memorization,
    estimate_influence,
    estimate_memorization,
)
from imprint.lenses.membership.privacy.audit import (
    PrivacyBound,
    audit_many_runs,
    audit_one_run,
)
from imprint.lenses.membership.privacy.choices import (
    Bonferroni,
    Budget,
    Choice,
    Fixed,
    MultiSplit,
    Split,
    budget_choice,
    run_choice,
)
from imprint.lenses.membership.privacy.methods import (
    BUDGET,
    MULTI_RUN_METHODS,
    ONE_RUN_METHODS,
    SPLITS,
    Choosing,
    Method,
    MultiRunMethod,
    OneRunMethod,
    Runs,
)
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Cell, Column, Table
from imprint.report.wording import count, fixed, significant

MEMORIZATION_CUT = 0.25
SHOWN_RECORDS = 10


@dataclass(frozen=True, repr=False)
class EpsilonBound(PrivacyBound, Result):
    """An empirical lower bound on ε; attributes as in :class:`PrivacyBound`."""

    def tables(self) -> Sequence[Table]:
        """Return the bound with what it rests on."""
        three = fixed(3)
        columns = [
            Column("Method"),
            Column("ε at least", three, key="epsilon"),
            Column("Ceiling", three),
            Column("Right guesses"),
            Column("δ", significant, key="delta"),
            Column("Confidence", significant),
        ]
        guesses = Cell(self.correct, f"{self.correct} of {self.guesses}")
        row = [self.method, self.epsilon, self.ceiling, guesses, self.delta, self.confidence]
        return [Table(columns, [row], title="Empirical lower bound on ε", note=self.choice)]

    def figures(self) -> Sequence[Figure]:
        """Return the bound below its ceiling."""
        from imprint.lenses.membership.page.privacy import epsilon_intervals

        figure: Figure = epsilon_intervals([("", {self.method: self}, None)], self.delta)
        return [figure]


@dataclass(frozen=True, repr=False)
class MemorizationResult(Memorization, Result):
    """How much models memorized of each record; attributes as in :class:`Memorization`.

    Attributes:
        by_chance: how many records noise alone would bring to a memorization of 0.25; NaN where
            correctness is a probability.
    """

    by_chance: float

    @property
    def memorized(self) -> IntArray:
        """Records with a memorization of at least 0.25, the most memorized first, int64 ``[m]``."""
        order = np.argsort(-np.nan_to_num(self.score, nan=-2.0), kind="stable")
        return order[: int((self.score >= MEMORIZATION_CUT).sum())]

    def tables(self) -> Sequence[Table]:
        """Return how many records are memorized, then the most memorized."""
        two, known = fixed(2), self.score[~self.missing]
        chance = Cell(self.by_chance, significant(self.by_chance))
        summary: list[Any] = [
            ["records with a score", Cell(len(known), count(len(known)))],
            ["mean memorization", float(known.mean()) if len(known) else None],
            ["records of 0.25 and more", Cell(len(self.memorized), count(len(self.memorized)))],
            ["by chance alone", chance],
        ]
        rows: list[Any] = [
            [str(row), float(self.score[row]), float(self.error[row])]
            for row in self.memorized[:SHOWN_RECORDS]
        ]
        columns = [Column("Record"), Column("Memorization", two), Column("Standard error", two)]
        return [
            Table([Column("Quantity"), Column("Value", two)], summary, title="Memorization"),
            Table(columns, rows, title="Most memorized records"),
        ]

    def figures(self) -> Sequence[Figure]:
        """Return the histogram of the scores."""
        from imprint.lenses.membership.page.cohort import memorization_histogram

        bound = float(np.nanmax(self.error_bound)) if not self.missing.all() else float("nan")
        figure: Figure = memorization_histogram(self.score, MEMORIZATION_CUT, bound)
        return [figure]


def bound_epsilon(
    scores: ArrayLike,
    members: ArrayLike,
    *,
    runs: Runs = "one",
    method: Method = "auto",
    delta: float = 1e-5,
    confidence: float = 0.95,
    budget: Sequence[float] | None = None,
    threshold: float | None = None,
    choice: Choosing | Choice[Any] = "auto",
    splits: int = SPLITS,
    seed: int = 0,
) -> EpsilonBound:
    """Return an empirical lower bound on ε of (ε, δ)-differential privacy.

    Valid only where each canary was put into the training set by its own fair coin (``one``), or
    each score comes from a training of its own (``many``).

    Args:
        scores: array-like ``[m]``, higher means more likely a member; of m canaries on one model,
            or of m models trained with or without one record.
        members: bool ``[m]``, whether each canary, or the record, was in the training set.
        runs: ``"one"``, canaries of one model, or ``"many"``, models trained independently.
        method: of one run ``"binomial"`` (Steinke et al. 2023), ``"tradeoff"`` (f-DP, after
            Mahloujifar et al. 2025) or ``"gaussian"``; of many ``"rates"`` or ``"gaussian"``;
            ``"auto"`` is ``binomial`` of one run and ``rates`` of many.
        delta: δ in [0, 1).
        confidence: confidence level of the bound, in [0.5, 1).
        budget: of one run: shares guessed in (highest scores) and out (lowest), fixed before
            looking; empty: chosen on half of the canaries; None: (0.3, 0.3).
        threshold: of many runs: the score from which a run counts as trained with the record; None:
            chosen on half of the runs.
        choice: how the budget or threshold is chosen: ``"fixed"``; ``"split"``, on half of the
            examples, measured on the others; ``"multi_split"``, the median of many such splits;
            ``"bonferroni"``, the best of a preset grid of budgets; ``"all_thresholds"``, the best
            of all, at 1/m of the error; or a :class:`Fixed`, :class:`Split`, :class:`MultiSplit` or
            :class:`Bonferroni` of your own. ``"auto"`` is fixed where a budget or threshold is.
        splits: of ``"multi_split"``.
        seed: of splits and of the order of equal scores.

    Returns:
        A bound that prints as a table; ``epsilon`` is missing, with the reason, where fair coins
        make so many members implausible.

    Raises:
        ImprintError: an argument out of range or that does not fit ``runs``, lengths that differ,
            scores not finite, canaries listed more than once, or a number of members that fair
            coins cannot give.

    Examples:
        >>> members = np.arange(1000) % 2 == 0
        >>> bound = bound_epsilon(members.astype(float), members, budget=(0.5, 0.5), delta=0)
        >>> round(bound.epsilon, 3), bound.refutes(5.8)
        (5.809, True)
    """
    _check_arguments(runs, method, budget, threshold)
    _check_choice(choice, runs, budget, threshold)
    if runs == "one":
        shares = BUDGET if budget is None else budget
        if isinstance(choice, str):
            choice = budget_choice(shares, seed, choice, splits)
        one_run: OneRunMethod = "binomial" if method == "auto" else method  # type: ignore[assignment]
        bound = audit_one_run(scores, members, choice, one_run, delta, confidence, seed)
    else:
        many_runs: MultiRunMethod = "rates" if method == "auto" else method  # type: ignore[assignment]
        if isinstance(choice, str):
            choice = run_choice(threshold, seed, choice, splits)
        bound = audit_many_runs(scores, members, choice, many_runs, delta, confidence)
    return EpsilonBound(**vars(bound))


def _check_choice(
    choice: Choosing | Choice[Any],
    runs: Runs,
    budget: Sequence[float] | None,
    threshold: float | None,
) -> None:
    """Refuse a choice that is none, or that leaves what was fixed unread."""
    known = get_args(Choosing)
    if isinstance(choice, Fixed | Split | MultiSplit | Bonferroni):
        candidates = (choice.candidate,) if isinstance(choice, Fixed) else choice.candidates
        kind, words = (Budget, "a Budget") if runs == "one" else (float | int, "a number")
        if not all(isinstance(candidate, kind) for candidate in candidates):
            raise ImprintError(f"with runs {runs}, each candidate of a choice must be {words}")
    elif choice not in known:
        raise ImprintError(f"choice must be one of {', '.join(known)}, got {choice!r}")
    given = "threshold" if threshold is not None else "budget" if budget else None
    if given is not None and choice not in ("auto", "fixed"):
        raise ImprintError(
            f"{given} fixes what choice {choice} would choose: leave one of the two out"
        )


def _check_arguments(
    runs: Runs, method: Method, budget: Sequence[float] | None, threshold: float | None
) -> None:
    if runs not in get_args(Runs):
        raise ImprintError(f"runs must be one or many, got {runs!r}")
    known = ONE_RUN_METHODS if runs == "one" else MULTI_RUN_METHODS
    if method not in ("auto", *known):
        raise ImprintError(
            f"method {method} does not fit runs {runs}: choose one of {', '.join(known)}"
        )
    if threshold is not None and not isfinite(threshold):
        raise ImprintError(f"threshold must be finite, got {threshold}")
    if runs == "one" and threshold is not None:
        raise ImprintError("threshold is for runs many: with runs one, choose a budget")
    if runs == "many" and budget is not None:
        raise ImprintError("budget is for runs one: with runs many, choose a threshold")


def memorization(correct: ArrayLike, members: ArrayLike) -> MemorizationResult:
    """Return how much better models do on each record that they were trained on.

    The subsampled estimator of Feldman and Zhang (2020): mean correctness of the models trained on
    a record, less that of the others, with a standard error for each record.

    Args:
        correct: bool ``[n_models, n_records]``, which records each model gets right; or float in
            [0, 1], the probability it gives the true class.
        members: bool ``[n_models, n_records]``, which records each model was trained on.

    Raises:
        ImprintError: shapes differ, there is no model, or a value lies outside [0, 1].

    Examples:
        >>> members = [[1, 1], [1, 0], [0, 1], [0, 1]]
        >>> memorization([[1, 1], [1, 0], [0, 1], [1, 1]], members).score.tolist()
        [0.5, 1.0]
    """
    estimated = estimate_memorization(members, correct)
    values = as_array(correct, "correct")
    inside = as_array(members, "members").astype(bool)
    by_chance = float("nan")
    if np.isin(values, (0, 1)).all():
        by_chance = memorized_by_chance(count_cases(inside, values.astype(bool)), MEMORIZATION_CUT)
    return MemorizationResult(**vars(estimated), by_chance=by_chance)


def influence(test_correct: ArrayLike, members: ArrayLike) -> FloatArray:
    """Return the influence of every training record on every test example.

    Args:
        test_correct: bool ``[n_models, n_tests]``, which test examples each model gets right; or
            float in [0, 1].
        members: bool ``[n_models, n_records]``, which records each model was trained on.

    Returns:
        float64 ``[n_tests, n_records]`` in [−1, 1]; NaN in the column of a record that every model
        was trained on, or none.

    Raises:
        ImprintError: as :func:`memorization`.

    Examples:
        >>> influence([[1], [1], [0], [0]], [[1, 1], [1, 0], [0, 1], [0, 0]]).tolist()
        [[1.0, 0.0]]
    """
    return estimate_influence(members, test_correct)
