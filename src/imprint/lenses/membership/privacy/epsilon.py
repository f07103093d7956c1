"""One call from scores to a lower bound on ε, for canaries of one model and for many runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import get_args

from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.membership.privacy.audit import (
    PrivacyBound,
    audit_many_runs,
    audit_one_run,
)
from imprint.lenses.membership.privacy.choices import Fixed, Split, budget_choice
from imprint.lenses.membership.privacy.methods import (
    BUDGET,
    MULTI_RUN_METHODS,
    ONE_RUN_METHODS,
    Method,
    MultiRunMethod,
    OneRunMethod,
    Runs,
)


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
    seed: int = 0,
) -> PrivacyBound:
    """Return an empirical lower bound on ε of (ε, δ)-differential privacy.

    >>> import numpy as np
    >>> members = np.arange(1000) % 2 == 0
    >>> bound = bound_epsilon(members.astype(float), members, budget=(0.5, 0.5), delta=0)
    >>> round(bound.epsilon, 3), bound.correct, bound.guesses
    (5.809, 1000, 1000)

    Args:
        scores: ``[m]``, higher means more likely a member; of m canaries on one model, or of m
            models trained with or without one record.
        members: bool ``[m]``, whether each canary, or the record, was in the training set.
        runs: ``"one"``, canaries that went into the training set of one model by a fair coin each,
            or ``"many"``, models trained independently.
        method: of one run ``"binomial"`` (Steinke et al. 2023), ``"tradeoff"`` (f-DP, after
            Mahloujifar et al. 2025) or ``"gaussian"``; of many ``"rates"`` or ``"gaussian"``;
            ``"auto"`` is ``binomial`` of one run and ``rates`` of many.
        delta: δ in [0, 1).
        confidence: chance, at least, that the bound holds, in [0.5, 1).
        budget: of one run: shares guessed in (highest scores) and out (lowest), fixed before
            looking; empty: chosen on half of the canaries; None: (0.3, 0.3).
        threshold: of many runs: the score from which a run counts as one with the record; None:
            chosen on half of the runs.
        seed: of splits and of the order of equal scores.

    Raises:
        ImprintError: an argument out of range or that does not fit ``runs``, lengths that differ,
            scores not finite, canaries listed more than once, or a number of members that fair
            coins cannot give.
    """
    _check_arguments(runs, method, budget, threshold)
    if runs == "one":
        choice = budget_choice(BUDGET if budget is None else budget, seed)
        one_run: OneRunMethod = "binomial" if method == "auto" else method  # type: ignore[assignment]
        return audit_one_run(scores, members, choice, one_run, delta, confidence, seed)
    split = Split[float](seed=derive(seed, "split of runs"))
    many_runs: MultiRunMethod = "rates" if method == "auto" else method  # type: ignore[assignment]
    threshold_choice = split if threshold is None else Fixed(threshold)
    return audit_many_runs(scores, members, threshold_choice, many_runs, delta, confidence)


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
