"""How often every interval that imprint prints holds what it claims, by simulation.

One row a printed interval: where it is printed, how it is made, the setting, and of how many
simulated data sets its 95 % interval held the truth, with the standard error of that share, and its
mean width. Data have the dependence that the real thing has: records that all targets of a cohort
share, networks that all records share, votes that take few values. Intervals of coverage criteria
have a script of their own (coverage_intervals.py).

    python benchmarks/interval_coverage.py --simulations 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.dejavu.memorization.agreement import agreement, kappa
from imprint.lenses.dejavu.memorization.excess import excess
from imprint.lenses.dejavu.memorization.slices import SlicedImages, by_crop_size, class_scores
from imprint.lenses.dejavu.memorization.two_model import QUANTITIES, Side, _side_values, two_model
from imprint.lenses.dejavu.memorization.votes import ClassVotes, vote
from imprint.lenses.leave_one_out.truth.ground_truth import (
    datamodeling_score,
    noise_ceiling,
    prediction_difference,
    root_difference,
)
from imprint.lenses.leave_one_out.truth.starts import mean_over_records, root_of
from imprint.lenses.membership.attack_kit.evaluation import balanced_estimate
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.study.cohort.memorization import _average, _over_records_and_models
from imprint.lenses.membership.study.ensemble import mean_over_models
from imprint.stats.bootstrap import mean, mean_share, mean_share_difference
from imprint.stats.correlation import pearson, spearman
from imprint.stats.estimate import Estimate
from imprint.stats.median import median
from imprint.stats.proportion import proportion
from imprint.stats.quantile import quantile
from imprint.stats.roc import auc, best_threshold, roc
from imprint.stats.studentised import studentised_mean
from imprint.stats.tpr import true_positive_rate

Draw = Callable[[np.random.Generator, int], Mapping[str, tuple[Estimate, float]]]


@dataclass(frozen=True)
class Scenario:
    """One kind of data: a draw gives estimates by name, each with its truth."""

    printed: str
    method: str
    setting: str
    draw: Draw
    cost: int = 1


SCENARIOS: list[Scenario] = []


def scenario(printed: str, method: str, setting: str, cost: int = 1) -> Callable[[Draw], Draw]:
    """Register a draw; of ``cost`` c only one in c simulations is run."""

    def register(draw: Draw) -> Draw:
        SCENARIOS.append(Scenario(printed, method, setting, draw, cost))
        return draw

    return register


def scores_of(shift: float, members: int, others: int, tail: str) -> None:
    """Register one attack on one network with normal or Student scores, or scores that tie."""
    setting = f"{members} against {others}, {tail}, shift {shift:g}"

    def sample(random: np.random.Generator, count: int, move: float) -> FloatArray:
        if tail == "Student 2":
            return random.standard_t(2, count) + move
        values = random.normal(move, 1, count)
        return np.floor(2 * values) if tail == "ties" else values

    @cache
    def truth(fpr: float) -> float:
        random = np.random.default_rng(0)
        miss = np.sort(sample(random, 2_000_000, 0.0))
        hit = sample(random, 2_000_000, shift)
        if fpr == 0:
            ranks = np.searchsorted(miss, hit, "left") + np.searchsorted(miss, hit, "right")
            return float(ranks.mean() / (2 * len(miss)))
        return float(np.mean(hit > miss[-1 - int(fpr * len(miss))]))

    @scenario("membership: TPR at FPR", "mixture over the threshold's place, Jeffreys", setting)
    def rates(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        hit, miss = sample(random, members, shift), sample(random, others, 0.0)
        shown = {fpr: true_positive_rate(hit, miss, fpr) for fpr in (0.1, 0.05, 0.01, 0.001)}
        return {
            f"FPR {fpr:g}": (rate, truth(fpr))
            for fpr, rate in shown.items()
            if isinstance(rate, Estimate)
        }

    @scenario(
        "membership: AUC", "DeLong, logit; near 0 and 1 joined with the score interval", setting
    )
    def area(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        hit, miss = sample(random, members, shift), sample(random, others, 0.0)
        return {"AUC": (auc(hit, miss), truth(0))}

    if tail != "normal":
        return

    @scenario("membership: balanced accuracy", "Wilson's limits in squares, held-out half", setting)
    def accuracy(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        hit, miss = sample(random, members, shift), sample(random, others, 0.0)
        half, other = members // 2, others // 2
        threshold = best_threshold(roc(hit[:half], miss[:other]))
        right = int((hit[half:] >= threshold).sum()), int((miss[other:] < threshold).sum())
        shown = balanced_estimate(right[0], members - half, right[1], others - other)
        own = (norm.sf(threshold - shift) + norm.cdf(threshold)) / 2
        return {"its threshold": (shown, own), "the best threshold": (shown, norm.cdf(shift / 2))}


for case in ((1.5, 1000, 100), (1.5, 200, 200), (1.5, 50, 1000), (0.3, 1000, 1000), (4, 30, 1000)):
    scores_of(*case, "normal")
scores_of(1.5, 1000, 100, "Student 2")
scores_of(1.5, 300, 100, "ties")


def cohort_of(random: np.random.Generator, models: int, records: int) -> tuple[FloatArray, ...]:
    """Records that are hard for every model, some of which are memorized; models that differ."""
    effect = np.where(random.random(records) < 0.3, 2.0, 0.0)
    members = random.random((models, records)) < 0.5
    quality = 0.2 * random.normal(size=(models, 1))
    noise = random.normal(size=(models, records)) + random.normal(size=records)
    return noise + (effect + quality) * members, members


@cache
def _cohort_truth() -> dict[str, float]:
    shown = [
        evaluate_cohort(*cohort_of(np.random.default_rng(seed), 12, 8000), (0.1, 0.05))
        for seed in range(8)
    ]
    rates = {
        f"FPR {fpr}": np.mean([e.tpr_at_fpr[fpr].value for e in shown]) for fpr in ("0.1", "0.05")
    }
    return {"AUC": float(np.mean([e.auc.value for e in shown])), **rates}


def add_cohort(models: int, records: int) -> None:
    """Register a cohort whose targets share their records."""

    @scenario(
        "membership cohort and study: AUC, TPR",
        "targets and groups of records, crossed",
        f"{models} models, {records} records",
        cost=4,
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        shown = evaluate_cohort(*cohort_of(random, models, records), (0.1, 0.05), seed)
        found = {"AUC": shown.auc}
        found |= {f"FPR {fpr}": rate for fpr, rate in shown.tpr_at_fpr.items()}
        truth = _cohort_truth()
        return {n: (e, truth[n]) for n, e in found.items() if isinstance(e, Estimate)}


for size in ((8, 400), (16, 400), (32, 200)):
    add_cohort(*size)


@cache
def _memorized_truth(models: int) -> tuple[float, float]:
    parts = [_remembered(np.random.default_rng(seed), models, 20_000) for seed in range(60)]
    return tuple(float(np.mean([p[k].value for p in parts])) for k in (0, 1))  # type: ignore[return-value]


def _remembered(random: np.random.Generator, models: int, records: int) -> list[Estimate]:
    masks = np.argsort(random.random((models, records)), axis=0) < models // 2
    without = random.beta(2, 1, records)
    within = without + (1 - without) * (random.random(records) < 0.3)
    quality = 0.05 * random.normal(size=(models, 1))
    correct = random.random((models, records)) < np.where(masks, within, without) + quality
    cuts = (lambda score: score, lambda score: (score >= 0.25).astype(np.float64))
    return [_over_records_and_models(masks, correct, cut) for cut in cuts]


def add_memorization(models: int, records: int) -> None:
    """Register mean memorization and the share of memorized records."""

    @scenario(
        "membership cohort: memorization",
        "records and models, crossed",
        f"{models} models, {records} records",
        cost=2,
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        shown, truth = _remembered(random, models, records), _memorized_truth(models)
        return {"mean": (shown[0], truth[0]), "share": (shown[1], truth[1])}


add_memorization(16, 400)


def add_memorization_errors(models: int) -> None:
    """Register single scores with 1.96 of their standard errors."""

    @scenario(
        "membership: standard error of one score", "Agresti and Caffo", f"{models} models, half in"
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        masks = np.argsort(random.random((models, 1)), axis=0) < models // 2
        shown = estimate_memorization(masks, random.random((models, 1)) < np.where(masks, 0.9, 0.5))
        value, reach = float(shown.score[0]), 1.96 * float(shown.error[0])
        return {"± 1.96 errors": (Estimate(value, (value - reach, value + reach), models), 0.4)}


add_memorization_errors(16)
add_memorization_errors(64)


def _related(random: np.random.Generator, records: int) -> Estimate:
    """Memorization from one half of the models against a score from the other, both ways."""
    truth = np.where(random.random(records) < 0.3, random.random(records), 0.0)
    one, other = (truth + 0.2 * random.normal(size=(2, records)) for _ in range(2))
    ways = [
        spearman(one[0], other[1], generator(records, "a"), 300),
        spearman(one[1], other[0], generator(records, "b"), 300),
    ]
    return _average(ways)


@cache
def _related_truth() -> float:
    return float(np.mean([_related(np.random.default_rng(s), 20_000).value for s in range(5)]))


@scenario(
    "membership cohort: correlation with memorization",
    "mean of the intervals of both ways",
    "300 records",
)
def _both_ways(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    return {"Spearman": (_related(random, 300), _related_truth())}


@scenario("membership ensemble: accuracy over models", "Student's t", "20 models")
def _ensemble(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    estimate = mean_over_models(0.9 + 0.01 * random.normal(size=20))
    assert isinstance(estimate, Estimate)
    return {"mean": (estimate, 0.9)}


SHOWN = ("score", "target_accuracy", "reference_accuracy", "memorized", "forgotten")


def dejavu_side(random: np.random.Generator, count: int, gap: float, name: str = "A") -> Side:
    """Images whose background more or less names them to both, some of them memorized."""
    labels, easy = random.integers(0, 10, count), 0.8 * random.beta(0.6, 3, count)

    def votes(share: FloatArray) -> ClassVotes:
        own = random.random((count, 20)) < share[:, None]
        other = np.where(
            random.random((count, 20)) < 0.5,
            random.integers(0, 10, (count, 1)),
            random.integers(0, 10, (count, 20)),
        )
        return vote(np.where(own, labels[:, None], other), 10, 1)

    memory = np.where(random.random(count) < gap, 0.4, 0.0)
    return Side(name, np.arange(count), labels, votes(easy + memory), votes(easy))


@cache
def _dejavu_truth(gap: float) -> FloatArray:
    draws = [dejavu_side(np.random.default_rng(seed), 100_000, gap) for seed in range(4)]
    return np.mean([_side_values(side, (100, 20, 5), 1, None)[:, 0] for side in draws], axis=0)


def add_dejavu(count: int, gap: float) -> None:
    """Register the two-model test and the excess of the one-model test."""

    @scenario(
        "dejavu: scores, accuracies, categories",
        "bootstrap over images; few events: joined with Clopper and Pearson",
        f"2 × {count} images, {100 * gap:g} % memorized",
        cost=2,
    )
    def two(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        sides = [dejavu_side(random, count, gap, name) for name in "AB"]
        shown, truth = two_model(sides, (100, 20, 5), 1, seed, 500), _dejavu_truth(gap)
        return {
            f"{name}, {percent} %": (getattr(shown[percent], name), float(truth[row, column]))
            for row, percent in enumerate(("100", "20", "5"))
            for column, name in enumerate(QUANTITIES)
            if name in SHOWN
        }

    @scenario(
        "dejavu one-model: excess", "limits of both sets in squares", f"{count} members, 60 others"
    )
    def one(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        members, others = dejavu_side(random, count, gap), dejavu_side(random, 60, 0.0, "B")
        truth = float(_dejavu_truth(gap)[0, 0] - _dejavu_truth(0.0)[0, 0])
        return {"excess": (excess(members, others, 1, seed, 500), truth)}


for images, share in ((60, 0.3), (300, 0.3), (300, 0.0)):
    add_dejavu(images, share)


@scenario("dejavu one-model: score", "the same, the best of three references", "200 images", cost=2)
def _best_of_three(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    kinds = random.random((4, 200)) < np.where(random.random(200) < 0.3, 0.8, 0.1)
    target, *references = (
        ClassVotes((~right)[:, None].astype(np.int64), np.zeros(200)) for right in kinds
    )
    best = references[int(np.argmax(kinds[1:].sum(axis=1)))]
    side = Side("seen", np.arange(200), np.zeros(200, dtype=np.int64), target, best)
    return {"score": (two_model([side], (100,), 1, seed, 500)["100"].score, 0.0)}


@scenario("dejavu one-model: agreement", "Jeffreys' posterior; Clopper and Pearson", "60 images")
def _agreed(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    shares = np.array([0.5, 0.1, 0.05, 0.35])
    kinds = random.choice(4, size=60, p=shares)
    votes = [
        ClassVotes((part == 0)[:, None].astype(np.int64), np.zeros(60))
        for part in (kinds // 2, kinds % 2)
    ]
    (pair,) = agreement(dict(zip("ab", votes, strict=True)), np.zeros(60, dtype=np.int64))
    truth = {"kappa": kappa(shares[None])[0], "agreed": 0.85, "both_right": 0.35}
    return {name: (getattr(pair, name), float(value)) for name, value in truth.items()}


@scenario("success, accuracy, new inputs: a proportion", "Clopper and Pearson", "40 of 0.9")
def _share(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    return {"share": (proportion(int(random.binomial(40, 0.9)), 40), 0.9)}


def add_pairs(count: int, heavy: bool) -> None:
    """Register correlations of normal or log-normal pairs."""

    @cache
    def truth(estimator: str) -> float:
        if estimator == "Spearman":
            return float(6 / np.pi * np.arcsin(0.25))
        return float(np.expm1(0.5) / np.expm1(1)) if heavy else 0.5

    @scenario(
        "leave-one-out compare, coverage search, cohort: correlation",
        "bootstrap, Student's tails",
        f"{count} {'log-' if heavy else ''}normal pairs, ρ = ½",
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        one, noise = random.normal(size=(2, count))
        pair = one, 0.5 * one + 0.75**0.5 * noise
        if heavy:
            pair = tuple(np.exp(side) for side in pair)
        shown = {"Pearson": pearson, "Spearman": spearman}
        return {
            name: (of(*pair, generator(seed, "correlation"), 500), truth(name))
            for name, of in shown.items()
        }


for pairs, skewed in ((12, False), (50, False), (50, True), (200, True)):
    add_pairs(pairs, skewed)


@scenario("leave-one-out: median, quantile of records", "order statistics", "30 and 150 records")
def _ordered(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    few, many = np.exp(random.normal(size=30)), np.exp(random.normal(size=150))
    return {
        "median": (median(few), 1.0),
        "95 % quantile": (quantile(many, 0.95), float(np.exp(norm.ppf(0.95)))),
    }


def retrained(
    random: np.random.Generator, records: int, starts: int
) -> tuple[FloatArray, FloatArray]:
    """Logits of networks with and without each record; all records share those with all."""
    within = 2 * random.normal(size=(1, starts, 3)) + 0.3 * random.normal(size=(records, starts, 3))
    shift = random.gamma(4.0, 0.25, (records, 1, 1))
    return within, within - shift - 0.7 * random.normal(size=(records, starts, 3)) * (1 + shift)


@scenario(
    "leave-one-out compare: mean shift over records",
    "records and starts, crossed",
    "20 records of gamma shifts, 40 starts",
)
def _shifted(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    shown = mean_over_records(
        lambda one, other: prediction_difference(one, other).value, *retrained(random, 20, 40)
    )
    return {"root mean squared shift": (root_of(shown), 1.25**0.5)}


@cache
def _ceiling_truth() -> float:
    within, without = retrained(np.random.default_rng(0), 4000, 40)
    return noise_ceiling(within, without, root_difference, generator(0, "t"), 10, 2).value


@scenario(
    "leave-one-out compare: noise ceiling", "bootstrap, Student's tails", "30 records, 40 starts", 4
)
def _ceiling(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    within, without = retrained(random, 30, 40)
    shown = noise_ceiling(within, without, root_difference, generator(seed, "c"), 20, 200)
    return {"ceiling": (shown, _ceiling_truth())}


@cache
def _ranked_truth() -> float:
    random = np.random.default_rng(1)
    return float(np.mean([_ranked(random, seed, 100)["LDS"][0].value for seed in range(60)]))


@scenario(
    "leave-one-out compare: datamodeling score", "bootstrap over queries", "20 queries, 40 subsets"
)
def _ranked(
    random: np.random.Generator, seed: int, queries: int = 20
) -> dict[str, tuple[Estimate, float]]:
    influence, members = random.normal(size=(60, queries)), random.random((40, 60)) < 0.5
    outputs = members @ influence * random.random(queries) + 2 * random.normal(size=(40, queries))
    shown = datamodeling_score(influence, members, outputs, generator(seed, "lds"))
    return {"LDS": (shown, _ranked_truth() if queries == 20 else 0.0)}


@scenario("a mean over few examples", "bootstrap, Student's tails", "10 exponential values")
def _few(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    return {"mean": (mean(random.exponential(size=10), generator(seed, "m"), 500), 1.0)}


def sliced(
    random: np.random.Generator, count: int, memorized: float | FloatArray, sizes: FloatArray | None
) -> SlicedImages:
    """Return images of one class; a tenth is forgotten."""
    chance = random.random(count)
    kinds = np.where(chance < memorized, 1, np.where(chance < memorized + 0.1, 2, 3))
    return SlicedImages(np.zeros(count, dtype=np.int64), sizes, np.eye(4, dtype=bool)[kinds])


def add_class(count: int, memorized: float) -> None:
    """Register the score of one class, and its excess over 40 non-members."""
    setting = f"{count} images of a class, {memorized:.0%} memorized"

    @scenario("dejavu by class", "Bonett and Price; Wald of raised shares", setting)
    def one(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        members, others = (sliced(random, *each, None) for each in ((count, memorized), (40, 0.2)))
        table = class_scores(members, 1, non_members=others)
        truths = {"gap": memorized - 0.1, "excess": memorized - 0.2}
        return {
            name: (
                Estimate(
                    float(table[name][0]),
                    (float(table[f"{name}_low"][0]), float(table[f"{name}_high"][0])),
                    count,
                ),
                truth,
            )
            for name, truth in truths.items()
        }


for images, share in ((10, 0.1), (10, 0.5), (26, 0.1), (26, 0.5), (100, 0.1), (100, 0.8)):
    add_class(images, share)


@scenario("dejavu by crop size", "least squares, HC3", "120 images, 10 points a doubling")
def _by_size(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
    sizes = np.exp2(random.uniform(4, 7, 120))
    images = sliced(random, 120, 0.1 + 0.1 * (np.log2(sizes) - 4), sizes)
    findings = by_crop_size(images)
    assert not isinstance(findings, Missing)
    return {"per doubling": (findings.per_doubling, 0.1)}


def add_recall(images: int, recalled: float, base: float) -> None:
    """Register what four samples of each image recall; the reference recalls nothing.

    A sample has the original's class with chance 1 where the target recalls the image, else with a
    chance that is beta-distributed around ``base``, the same for both encoders. The mean cosine of
    a recalled image is 0.4 higher, about, and noise of 0.067 is added to every image.
    """

    @scenario(
        "reconstruct: target minus reference",
        "bootstrap, widened where rare; Student joined with bootstrap-t",
        f"{images} images × 4, {100 * recalled:g} % recalled, class at {base:g} by chance",
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        seen = random.random(images) < recalled
        chances = random.beta(base, 1 - base, images)
        target = random.random((images, 4)) >= np.where(seen, 1.0, chances)[:, None]
        reference = random.random((images, 4)) >= chances[:, None]
        shares = [1 - each.mean(axis=1) for each in (target, reference)]
        cosines = np.where(seen, random.normal(0.4, 0.1, images), 0.0)
        cosines += random.normal(0, 0.06, images) + random.normal(0, 0.03, images)
        return {
            "class": (
                mean_share_difference(*shares, generator(seed, "class"), 500),
                recalled * (1 - base),
            ),
            "similarity": (
                studentised_mean(cosines, generator(seed, "similarity"), 500),
                recalled * 0.4,
            ),
        }


for sampled in (20, 50, 200):
    for share, chance in ((0.0, 0.1), (0.02, 0.02), (0.05, 0.1), (0.2, 0.1), (0.95, 0.02)):
        add_recall(sampled, share, chance)


def add_search_recall(queries: int, probed: float) -> None:
    """Register the recall of an approximate search over queries that were searched exactly as well.

    The 100 nearest of a query lie in 12 lists, by a Dirichlet distribution of concentration 0.5; a
    list is probed with the chance ``probed``, and what is in the others is missed together.
    """

    @scenario(
        "dejavu --search ivfpq: recall@100",
        "bootstrap over queries, widened where rare",
        f"{queries} queries, {100 * probed:g} % found",
    )
    def draw(random: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        lists = np.stack([random.multinomial(100, random.dirichlet(np.full(12, 0.5)))
                          for _ in range(queries)])  # fmt: skip
        shares = (lists * (random.random(lists.shape) < probed)).sum(axis=1) / 100
        return {"recall": (mean_share(shares, generator(seed, "recall"), 500), probed)}


for sample in (32, 256):
    for found in (0.5, 0.83, 0.95, 0.999):
        add_search_recall(sample, found)


def main() -> None:
    """Simulate every scenario and print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="Only scenarios whose name holds this.")
    options = parser.parse_args()
    print("| printed | method | setting | quantity | simulations | coverage, % | mean width |")
    print("|---|---|---|---|---|---|---|")
    start = time.process_time()
    for number, each in enumerate(SCENARIOS):
        if options.only not in each.printed:
            continue
        hits: dict[str, list[bool]] = {}
        widths: dict[str, list[float]] = {}
        for trial in range(max(1, options.simulations // each.cost)):
            random = np.random.default_rng([options.seed, number, trial])
            for name, (shown, truth) in each.draw(random, trial).items():
                low, high = shown.ci95
                hits.setdefault(name, []).append(bool(low - 1e-9 <= truth <= high + 1e-9))
                widths.setdefault(name, []).append(high - low)
        for name, inside in hits.items():
            covered, count = np.mean(inside), len(inside)
            error = (max(covered * (1 - covered), 0.25 / count) / count) ** 0.5
            print(
                f"| {each.printed} | {each.method} | {each.setting} | {name} | {count} | "
                f"{100 * covered:.1f} ± {100 * error:.1f} | {np.mean(widths[name]):.3g} |",
                flush=True,
            )
    print(f"\nSeed {options.seed}; {time.process_time() - start:.0f} s of one core.")


if __name__ == "__main__":
    main()
