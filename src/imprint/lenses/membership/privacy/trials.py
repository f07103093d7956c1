"""One trial of a bound: candidates are tried on some examples, the best is measured.

Which candidate is best may be found by any rule, since the choice pays for it: of one run it is the
one whose binomial bound, or whose lower bound on the share of right guesses, is greatest. Of all
thresholds only the corners of the ROC are tried, since without δ a further true positive without a
false one proves more; the error is divided by all. With δ > 0 of one run that suits few canaries
alone: 2mδ / v must stay below α / m.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imprint.core import seeds
from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.bounds import (
    multi_run_epsilon,
    multi_run_mu,
    one_run_mu,
    one_run_tradeoff_epsilon,
)
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Bonferroni,
    Budget,
    Candidate,
    Choice,
    Fixed,
    MultiSplit,
    Split,
    describe_choice,
    list_candidates,
    split_examples,
)
from imprint.lenses.membership.privacy.counts import least_share
from imprint.lenses.membership.privacy.methods import MultiRunMethod, OneRunMethod
from imprint.lenses.membership.privacy.one_run_bound import best_one_run, one_run_epsilon
from imprint.lenses.membership.privacy.theory import gaussian_epsilon

MAX_TRIED = 128
"""Thresholds of many runs that are tried from either end of the scores."""
Single = Fixed[Candidate] | Split[Candidate] | Bonferroni[Candidate]


@dataclass(frozen=True)
class Trial:
    """What one candidate proves.

    Attributes:
        epsilon: lower bound on ε.
        mu: lower bound on μ; None where the bound is not Gaussian.
        measured: int64, the examples it was measured on.
        guesses: how many of them were guessed.
        correct: how many guesses were right.
        confidence: of this trial alone.
        choice: how the candidate was chosen, and which it is.
    """

    epsilon: float
    mu: float | None
    measured: IntArray
    guesses: int
    correct: int
    confidence: float
    choice: str


def repeat_trial(
    choice: Choice[Candidate], confidence: float, run: Callable[[Single[Candidate], float], Trial]
) -> Trial:
    """Return the trial of a choice; of many splits the one whose bound is their median.

    Args:
        choice: how the candidate is chosen.
        confidence: of the bound.
        run: (a choice that is no repetition, the confidence of its trial) → the trial.
    """
    if not isinstance(choice, MultiSplit):
        return run(choice, confidence)
    half = 1 - (1 - confidence) / 2
    trials = sorted((run(split, half) for split in choice.each()), key=lambda trial: -trial.epsilon)
    median = trials[choice.place]
    words = f"median of {choice.splits} splits at half of the error, here the {median.choice}"
    return replace(median, choice=words)


def try_one_run(
    score: FloatArray,
    member: BoolArray,
    choice: Single[Budget],
    method: OneRunMethod,
    delta: float,
    confidence: float,
    seed: int,
) -> Trial:
    """Return the trial of a choice of guess budgets.

    Args:
        score: float64 ``[m]``.
        member: bool ``[m]``.
        choice: how the budget is chosen.
        method: which bound.
        delta: δ.
        confidence: of the bound.
        seed: of the order of equal scores.
    """
    tuned, measured = _parts(len(score), choice)
    default = BUDGETS
    if is_of_all(choice):
        default = every_budget(score, member, seed)
    candidates, level = list_candidates(choice, default, len(score), confidence)
    guesses, correct = play(score[tuned], member[tuned], candidates, seed)
    if method == "binomial":
        place, _ = best_one_run(len(tuned), guesses, correct, delta, level)
    else:
        place = int(np.argmax(least_share(correct, guesses, 1 - level)))
    best = candidates[place]
    guesses, correct = play(score[measured], member[measured], (best,), seed)
    counts = int(guesses[0]), int(correct[0])
    epsilon, mu = one_run(method, len(measured), *counts, delta, level)
    tried = len(score) if is_of_all(choice) else len(candidates)
    named = f"highest {best.highest:g} and lowest {best.lowest:g}"
    words = describe_choice(choice, named, tried)
    return Trial(epsilon, mu, measured, *counts, level, words)


def every_budget(score: FloatArray, member: BoolArray, seed: int) -> tuple[Budget, ...]:
    """Return the budgets of the highest scores alone at the corners of the ROC."""
    falling = _rising(score, member, seed)[::-1]
    counts = corners(np.cumsum(~falling)) + 1
    return tuple(Budget(count / len(score), 0.0) for count in counts.tolist())


def play(
    score: FloatArray, member: BoolArray, budgets: Sequence[Budget], seed: int
) -> tuple[IntArray, IntArray]:
    """Return guesses and right guesses ``[b]`` of some budgets, from one order of the scores."""
    rising = _rising(score, member, seed)
    in_highest = np.concatenate([[0], np.cumsum(rising[::-1])])
    out_lowest = np.concatenate([[0], np.cumsum(~rising)])
    highest, lowest = np.array([budget.counts(len(score)) for budget in budgets]).T
    return highest + lowest, in_highest[highest] + out_lowest[lowest]


def one_run(
    method: OneRunMethod,
    canaries: int,
    guesses: int,
    correct: int,
    delta: float,
    confidence: float,
) -> tuple[float, float | None]:
    """Return the bound on ε of one run, and that on μ where it is Gaussian."""
    counts = canaries, guesses, correct
    if method == "binomial":
        return float(one_run_epsilon(*counts, delta, confidence)), None
    if method == "tradeoff":
        return one_run_tradeoff_epsilon(*counts, delta, confidence), None
    mu = one_run_mu(*counts, confidence)
    return float(gaussian_epsilon(delta, np.array(mu))), mu


def try_many_runs(
    score: FloatArray,
    member: BoolArray,
    choice: Single[float],
    method: MultiRunMethod,
    delta: float,
    confidence: float,
) -> Trial:
    """Return the trial of a choice of thresholds; arguments as :func:`try_one_run`.

    Raises:
        ImprintError: a part has only runs of one kind.
    """
    tuned, measured = _parts(len(score), choice)
    default = every_threshold(score[tuned], member[tuned])
    candidates, level = list_candidates(choice, default, len(score) + 1, confidence)
    values = many_runs(method, score[tuned], member[tuned], candidates, delta, level)[0]
    best = candidates[int(np.argmax(values))]
    epsilon, mu = many_runs(method, score[measured], member[measured], (best,), delta, level)
    correct = int(np.count_nonzero((score[measured] >= best) == member[measured]))
    tried = len(score) + 1 if is_of_all(choice) else len(candidates)
    return Trial(
        float(epsilon[0]),
        None if mu is None else float(mu[0]),
        measured,
        len(measured),
        correct,
        level,
        describe_choice(choice, f"threshold {best:g}", tried),
    )


def every_threshold(score: FloatArray, member: BoolArray) -> tuple[float, ...]:
    """Return the scores that are thresholds at the corners of the ROC, rising."""
    falling, outside = np.unique(score)[::-1], np.sort(score[~member])
    wrong = len(outside) - np.searchsorted(outside, falling, side="left")
    places = corners(wrong)
    return tuple(falling[places[_near_both_ends(len(places))]][::-1].tolist())


def _near_both_ends(count: int) -> IntArray:
    """Return places among ``count``, all of the first and last, fewer between: rising."""
    steps = np.unique(np.geomspace(1, count, MAX_TRIED).astype(np.int64)) - 1
    return np.unique(np.concatenate([steps, count - 1 - steps]))


def corners(wrong: IntArray) -> IntArray:
    """Return the places of the last threshold of every number of false positives.

    >>> corners(np.array([0, 0, 1, 1, 2])).tolist()
    [1, 3, 4]

    Args:
        wrong: int64 ``[t]``, rising.
    """
    return np.flatnonzero(np.diff(wrong, append=wrong[-1] + 1))


def many_runs(
    method: MultiRunMethod,
    score: FloatArray,
    member: BoolArray,
    thresholds: Sequence[float],
    delta: float,
    confidence: float,
) -> tuple[FloatArray, FloatArray | None]:
    """Return the bounds on ε ``[t]`` of calling from each threshold on, and those on μ.

    Raises:
        ImprintError: there are only runs of one kind.
    """
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


def is_of_all(choice: Single[Candidate]) -> bool:
    """Return whether every threshold is a candidate, at its part of the error."""
    return isinstance(choice, Bonferroni) and not choice.candidates


def _parts(count: int, choice: Single[Candidate]) -> tuple[IntArray, IntArray]:
    if isinstance(choice, Split):
        return split_examples(count, choice)
    every = np.arange(count)
    return every, every


def _rising(score: FloatArray, member: BoolArray, seed: int) -> BoolArray:
    tie_break = seeds.generator(seed, "equal scores").permutation(len(score))
    return member[np.lexsort((tie_break, score))]
