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


def bound_scores(
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

    Arguments as :func:`imprint.lenses.membership.results.bound_epsilon`.

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
