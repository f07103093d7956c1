"""From scores to a lower bound on ε, with the threshold chosen in a way that keeps the confidence.

How the threshold or the guess budget is chosen is an object that a caller must name, of
:mod:`imprint.lenses.membership.privacy.choices`. Equal scores are put in an order of the
seed, never in the order of rows, which may know who is a member.

A bound from one run rests on fair coins, so the member count is tested first
(:mod:`imprint.lenses.membership.privacy.coins`): an impossible count is refused, a doubtful one
gets no bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_array
from imprint.lenses.membership.privacy.choices import Budget, Choice
from imprint.lenses.membership.privacy.coins import check_coins, check_rows_differ
from imprint.lenses.membership.privacy.methods import (
    MIN_CONFIDENCE,
    MULTI_RUN_METHODS,
    ONE_RUN_METHODS,
    MultiRunMethod,
    OneRunMethod,
)
from imprint.lenses.membership.privacy.trials import (
    Single,
    Trial,
    many_runs,
    one_run,
    play,
    repeat_trial,
    try_many_runs,
    try_one_run,
)
from imprint.stats.checks import sample


@dataclass(frozen=True)
class PrivacyBound:
    """A lower bound on ε.

    Attributes:
        epsilon: ε is at least this, at ``confidence``; or why no bound may be given.
        ceiling: what ``epsilon`` would be if every guess were right: a bound near it means that
            more canaries or runs are needed, not that ε is near it.
        delta: the δ of (ε, δ).
        confidence: chance, at least, that the bound holds.
        examples: canaries, or runs, that the bound was measured on.
        guesses: how many of them were guessed.
        correct: how many guesses were right.
        method: which bound.
        choice: how the threshold or budget was chosen, and which it was.
        mu: lower bound on μ, where ``epsilon`` is that of a μ-Gaussian private procedure and no
            bound on others; None where ``epsilon`` holds without that.
        members: how many of all canaries or runs are members.
        coins_p_value: of that count under fair coins; None of many runs, which need no coins.
    """

    epsilon: float | Missing
    ceiling: float
    delta: float
    confidence: float
    examples: int
    guesses: int
    correct: int
    method: str
    choice: str
    mu: float | None
    members: int
    coins_p_value: float | None

    @property
    def proven(self) -> float:
        """The bound; 0 where none may be given."""
        return 0.0 if isinstance(self.epsilon, Missing) else self.epsilon

    def refutes(self, epsilon: float) -> bool:
        """Return whether every ε up to this one is refuted at ``confidence``."""
        return self.proven > epsilon


def audit_one_run(
    scores: ArrayLike,
    members: ArrayLike,
    choice: Choice[Budget],
    method: OneRunMethod = "binomial",
    delta: float = 0.0,
    confidence: float = 0.95,
    seed: int = 0,
) -> PrivacyBound:
    """Return a lower bound on ε from one model trained on a random half of some canaries.

    Valid only if every canary went into the training set by its own fair coin; a fixed number of
    members, or members picked by hand, is another experiment. The member count is tested: where it
    is implausible under fair coins, ``epsilon`` is missing, with the reason.

    Args:
        scores: ``[m]``, higher means more likely a member.
        members: bool ``[m]``.
        choice: how the guess budget is chosen.
        method: ``"binomial"`` (Steinke et al. 2023), ``"tradeoff"`` (the same claim by the
            trade-off curve of (ε, δ), after Mahloujifar et al. 2025) or ``"gaussian"`` (its
            Gaussian curve; needs δ > 0).
        delta: δ in [0, 1).
        confidence: in (0, 1).
        seed: of the order of equal scores.

    Raises:
        ImprintError: an argument out of range, lengths that differ, scores not finite, a member
            count that fair coins make implausible, or canaries listed more than once.
    """
    score, member = _examples(scores, members)
    _check_method(method, ONE_RUN_METHODS, delta, confidence)
    coins = check_coins(member)
    check_rows_differ(score, member, "canaries")

    def run(single: Single[Budget], level: float) -> Trial:
        return try_one_run(score, member, single, method, delta, level, seed)

    trial = repeat_trial(choice, confidence, run)
    examples, guesses = len(trial.measured), trial.guesses
    ceiling, _ = one_run(method, examples, guesses, guesses, delta, trial.confidence)
    return PrivacyBound(
        Missing(coins.doubt) if coins.doubt else trial.epsilon,
        ceiling,
        delta,
        confidence,
        examples,
        guesses,
        trial.correct,
        f"one run, {method}",
        trial.choice,
        None if coins.doubt else trial.mu,
        coins.members,
        coins.p_value,
    )


def one_run_bounds(
    scores: ArrayLike,
    members: ArrayLike,
    choice: Choice[Budget],
    delta: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, PrivacyBound]:
    """Return every lower bound on ε from one run; arguments as for :func:`audit_one_run`.

    Each bound holds at its own confidence; the largest of them does not. So the one that may
    refute a guarantee is named before looking, and it is never the Gaussian one, which speaks of
    Gaussian private procedures alone.

    Raises:
        ImprintError: as :func:`audit_one_run`.
    """
    return {
        method: audit_one_run(scores, members, choice, method, delta, confidence, seed)
        for method in ONE_RUN_METHODS
    }


def audit_many_runs(
    scores: ArrayLike,
    members: ArrayLike,
    choice: Choice[float],
    method: MultiRunMethod = "rates",
    delta: float = 0.0,
    confidence: float = 0.95,
) -> PrivacyBound:
    """Return a lower bound on ε from independent runs with and without one record.

    Valid only if each score comes from a training of its own. Scores of many records on one model
    are not independent: that is :func:`audit_one_run`.

    Args:
        scores: ``[n]``, one per run, higher means more likely with the record.
        members: bool ``[n]``, which runs had the record.
        choice: how the threshold is chosen; a score from it on is called a member.
        method: ``"rates"``, from TPR and FPR, or ``"gaussian"`` (needs δ > 0).
        delta: δ in [0, 1).
        confidence: in (0, 1).

    Raises:
        ImprintError: an argument out of range, lengths that differ, scores not finite, runs listed
            more than once, or a part that has only runs of one kind.
    """
    score, member = _examples(scores, members)
    _check_method(method, MULTI_RUN_METHODS, delta, confidence)
    check_rows_differ(score, member, "runs")

    def run(single: Single[float], level: float) -> Trial:
        return try_many_runs(score, member, single, method, delta, level)

    trial = repeat_trial(choice, confidence, run)
    measured = member[trial.measured]
    perfect = np.where(measured, 1.0, 0.0)
    ceiling, _ = many_runs(method, perfect, measured, (0.5,), delta, trial.confidence)
    return PrivacyBound(
        trial.epsilon,
        float(ceiling[0]),
        delta,
        confidence,
        len(measured),
        trial.guesses,
        trial.correct,
        f"many runs, {method}",
        trial.choice,
        trial.mu,
        int(np.count_nonzero(member)),
        None,
    )


def right_guesses(
    scores: ArrayLike, members: ArrayLike, budget: Budget, seed: int = 0
) -> tuple[int, int]:
    """Return how many canaries a budget guesses, and how many of these guesses are right.

    Args:
        scores: ``[m]``.
        members: bool ``[m]``.
        budget: shares of the canaries to guess in and out.
        seed: of the order of equal scores.

    Raises:
        ImprintError: lengths differ, or scores are not finite.
    """
    guesses, correct = play(*_examples(scores, members), (budget,), seed)
    return int(guesses[0]), int(correct[0])


def _examples(scores: ArrayLike, members: ArrayLike) -> tuple[FloatArray, BoolArray]:
    score, member = sample(scores, "scores"), as_array(members, "members")
    if member.dtype != np.bool_ or member.shape != score.shape:
        raise ImprintError(
            f"members must be {len(score)} booleans, one per score, got {member.dtype} "
            f"{list(member.shape)}"
        )
    return score, member


def _check_method(method: str, known: tuple[str, ...], delta: float, confidence: float) -> None:
    if 0 < confidence < MIN_CONFIDENCE:
        raise ImprintError(
            f"confidence {confidence:g} must be at least {MIN_CONFIDENCE:g}: a bound must hold "
            "more often than it fails"
        )
    if method not in known:
        raise ImprintError(f"unknown method {method!r}: choose one of {', '.join(known)}")
    if method == "gaussian" and not 0 < delta < 1:
        raise ImprintError("a Gaussian bound is on ε at a δ in (0, 1): set delta")
