"""From scores to a lower bound on ε, with the threshold chosen in a way that keeps the confidence.

How the threshold or the guess budget is chosen is an object that a caller must name, of
:mod:`imprint.lenses.membership.privacy.choices`. Equal scores are put in an order of the
seed, never in the order of rows, which may know who is a member.

A bound from one run rests on fair coins, so the member count is tested first
(:mod:`imprint.lenses.membership.privacy.coins`): an impossible count is refused, a doubtful one
gets no bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core import seeds
from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_array
from imprint.lenses.membership.privacy.bounds import (
    multi_run_epsilon,
    multi_run_mu,
    one_run_epsilon,
    one_run_mu,
    one_run_tradeoff_epsilon,
)
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Budget,
    Choice,
    Split,
    describe_choice,
    list_candidates,
    split_examples,
)
from imprint.lenses.membership.privacy.coins import check_coins, check_rows_differ
from imprint.lenses.membership.privacy.methods import (
    MIN_CONFIDENCE,
    MULTI_RUN_METHODS,
    ONE_RUN_METHODS,
    MultiRunMethod,
    OneRunMethod,
)
from imprint.lenses.membership.privacy.theory import gaussian_epsilon
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
    tuned, measured = np.arange(len(score)), np.arange(len(score))
    candidates, level = list_candidates(choice, BUDGETS, confidence)
    if isinstance(choice, Split):
        tuned, measured = split_examples(len(score), choice)
    tried = _play(score[tuned], member[tuned], candidates, seed)
    best = candidates[int(np.argmax(_one_run(method, len(tuned), *tried, delta, level)[0]))]
    guesses, correct = _play(score[measured], member[measured], (best,), seed)
    epsilon, mu = _one_run(method, len(measured), guesses, correct, delta, level)
    ceiling, _ = _one_run(method, len(measured), guesses, guesses, delta, level)
    named = f"highest {best.highest:g} and lowest {best.lowest:g}"
    return PrivacyBound(
        Missing(coins.doubt) if coins.doubt else float(epsilon[0]),
        float(ceiling[0]),
        delta,
        confidence,
        len(measured),
        int(guesses[0]),
        int(correct[0]),
        f"one run, {method}",
        describe_choice(choice, named, len(candidates)),
        None if mu is None or coins.doubt else float(mu[0]),
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
    tuned, measured = np.arange(len(score)), np.arange(len(score))
    if isinstance(choice, Split):
        tuned, measured = split_examples(len(score), choice)
    seen = tuple(np.unique(score[tuned]).tolist())
    candidates, level = list_candidates(choice, seen, confidence)
    values = _many_runs(method, score[tuned], member[tuned], candidates, delta, level)[0]
    best = candidates[int(np.argmax(values))]
    epsilon, mu = _many_runs(method, score[measured], member[measured], (best,), delta, level)
    perfect = np.where(member[measured], 1.0, 0.0)
    ceiling, _ = _many_runs(method, perfect, member[measured], (0.5,), delta, level)
    correct = np.count_nonzero((score[measured] >= best) == member[measured])
    return PrivacyBound(
        float(epsilon[0]),
        float(ceiling[0]),
        delta,
        confidence,
        len(measured),
        len(measured),
        int(correct),
        f"many runs, {method}",
        describe_choice(choice, f"threshold {best:g}", len(candidates)),
        None if mu is None else float(mu[0]),
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
    guesses, correct = _play(*_examples(scores, members), (budget,), seed)
    return int(guesses[0]), int(correct[0])


def _play(
    score: FloatArray, member: BoolArray, budgets: Sequence[Budget], seed: int
) -> tuple[IntArray, IntArray]:
    """Return guesses and right guesses ``[b]`` of some budgets, from one order of the scores."""
    tie_break = seeds.generator(seed, "equal scores").permutation(len(score))
    rising = member[np.lexsort((tie_break, score))]
    in_highest = np.concatenate([[0], np.cumsum(rising[::-1])])
    out_lowest = np.concatenate([[0], np.cumsum(~rising)])
    highest, lowest = np.array([budget.counts(len(score)) for budget in budgets]).T
    return highest + lowest, in_highest[highest] + out_lowest[lowest]


def _one_run(
    method: OneRunMethod,
    canaries: int,
    guesses: IntArray,
    correct: IntArray,
    delta: float,
    confidence: float,
) -> tuple[FloatArray, FloatArray | None]:
    if method == "binomial":
        return one_run_epsilon(canaries, guesses, correct, delta, confidence), None
    counts = list(zip(guesses.tolist(), correct.tolist(), strict=True))
    if method == "tradeoff":
        bounds = [one_run_tradeoff_epsilon(canaries, *pair, delta, confidence) for pair in counts]
        return np.array(bounds), None
    mu = np.array([one_run_mu(canaries, *pair, confidence) for pair in counts])
    return gaussian_epsilon(delta, mu), mu


def _many_runs(
    method: MultiRunMethod,
    score: FloatArray,
    member: BoolArray,
    thresholds: Sequence[float],
    delta: float,
    confidence: float,
) -> tuple[FloatArray, FloatArray | None]:
    inside, outside = np.sort(score[member]), np.sort(score[~member])
    if not len(inside) or not len(outside):
        raise ImprintError(
            f"{len(inside)} runs with the record and {len(outside)} without: both are needed, "
            "in each part of a split"
        )
    hit = len(inside) - np.searchsorted(inside, thresholds, side="left")
    miss = len(outside) - np.searchsorted(outside, thresholds, side="left")
    counts = hit, len(inside), miss, len(outside)
    if method == "rates":
        return multi_run_epsilon(*counts, delta, confidence), None
    mu = multi_run_mu(*counts, confidence)
    return gaussian_epsilon(delta, mu), mu


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
