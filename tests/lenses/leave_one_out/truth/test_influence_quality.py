import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth.ground_truth import datamodeling_score
from imprint.lenses.leave_one_out.truth.influence_quality import (
    accuracy_drop,
    leave_one_out_ceiling,
    leave_one_out_correlation,
    random_drop,
    subset_ceiling,
    subset_score,
)
from imprint.lenses.leave_one_out.truth.retrained_models import RetrainedModels

RECORDS, QUERIES = 30, 8


def additive(random, subsets=40, networks=1, noise=0.0, queries=QUERIES, influence=None):
    """Return models whose output is the sum of the influences of their records, plus noise."""
    if influence is None:
        influence = random.normal(size=(RECORDS, queries))
    members = np.repeat(random.random((subsets, RECORDS)) < 0.5, networks, axis=0)
    outputs = members @ influence
    outputs = outputs + noise * random.normal(size=outputs.shape)
    return influence, RetrainedModels(outputs, members, outputs > np.median(outputs, axis=0))


def paired(random, starts=6, records=12, noise=0.0, queries=QUERIES):
    """Return additive models in pairs; the noise of a start is that of all its models."""
    influence = random.normal(size=(RECORDS, queries))
    members = np.ones((starts * (records + 1), RECORDS), dtype=bool)
    pairs = []
    for record in range(records):
        rows = starts * (record + 1) + np.arange(starts)
        members[rows, record] = False
        pairs.append(np.stack([np.arange(starts), rows], axis=1))
    start = np.tile(random.normal(size=(starts, queries)), (records + 1, 1))
    outputs = members @ influence + 100 * start + noise * random.normal(size=start.shape)
    return influence, RetrainedModels(outputs, members, None, np.concatenate(pairs))


def test_score_and_correlation_of_an_additive_model_are_one() -> None:
    random = np.random.default_rng(0)
    influence, models = additive(random)
    score = subset_score(influence, models, random)
    assert (score.value, score.n) == (pytest.approx(1), QUERIES)
    influence, models = paired(random)
    for ranked in (True, False):
        correlation = leave_one_out_correlation(influence, models, random, ranked)
        assert correlation.value == pytest.approx(1)
        opposite = leave_one_out_correlation(-influence, models, random, ranked)
        assert opposite.value == pytest.approx(-1)


def test_least_squares_without_a_record_has_the_exact_effect_of_its_closed_form() -> None:
    random = np.random.default_rng(1)
    x, queries = random.normal(size=(20, 3)), random.normal(size=(4, 3))
    y = x @ [1.0, -2, 0.5] + random.normal(size=20)

    def predictions(kept):
        return queries @ np.linalg.lstsq(x[kept], y[kept], rcond=None)[0]

    members = np.concatenate([np.ones((1, 20)), 1 - np.eye(20)]).astype(bool)
    outputs = np.stack([predictions(kept) for kept in members])
    pairs = np.stack([np.zeros(20, dtype=int), np.arange(1, 21)], axis=1)
    models = RetrainedModels(outputs, members, None, pairs)
    inverse = np.linalg.inv(x.T @ x)
    leverage = np.einsum("nd,de,ne->n", x, inverse, x)
    residual = y - x @ inverse @ x.T @ y
    closed = (residual / (1 - leverage))[:, None] * (x @ inverse @ queries.T)
    exact = leave_one_out_correlation(closed, models, random, ranked=False)
    assert exact.value == pytest.approx(1, abs=1e-10)
    first_order = leave_one_out_correlation(
        residual[:, None] * (x @ inverse @ queries.T), models, random, ranked=False
    )
    assert first_order.value < 1 - 1e-6


def test_score_is_that_of_the_rank_correlations_one_by_one() -> None:
    random = np.random.default_rng(2)
    influence, models = additive(random, noise=4.0)
    score = subset_score(influence, models, random)
    plain = datamodeling_score(influence, models.members, models.outputs, random)
    assert score.value == pytest.approx(plain.value)


def test_networks_of_one_subset_count_as_their_mean() -> None:
    random = np.random.default_rng(3)
    influence, models = additive(random, networks=3, noise=4.0)
    means = models.outputs.reshape(40, 3, -1).mean(1)
    alone = RetrainedModels(means, models.members[::3])
    one, other = (subset_score(influence, each, random) for each in (models, alone))
    assert one.value == pytest.approx(other.value)


def test_ceiling_of_subsets_is_the_score_of_the_true_influences_in_simulation() -> None:
    random = np.random.default_rng(4)
    gaps = []
    for _ in range(20):
        influence, models = additive(random, subsets=60, networks=2, noise=5.0)
        ceiling = subset_ceiling(models, random)
        gaps.append(ceiling.value - subset_score(influence, models, random).value)
    # The mean of 20 gaps, each ± .04, is within .03 of 0 in all but 1 of 1000 draws.
    assert abs(np.mean(gaps)) < 0.03


def test_ceiling_of_pairs_is_the_correlation_of_the_true_effects_in_simulation() -> None:
    random = np.random.default_rng(5)
    gaps = []
    for _ in range(20):
        influence, models = paired(random, noise=2.0, records=20)
        ceiling = leave_one_out_ceiling(models, random, ranked=False)
        gaps.append(
            ceiling.value - leave_one_out_correlation(influence, models, random, False).value
        )
    assert abs(np.mean(gaps)) < 0.04


def test_intervals_of_the_score_cover_over_queries_and_subsets() -> None:
    # Queries and subsets are drawn anew each time, so the truth is the mean over very many.
    random = np.random.default_rng(6)
    population = random.normal(size=(RECORDS, 400))
    error = random.normal(size=(RECORDS, 400)) * np.linspace(0, 3, 400)
    _, models = additive(random, 1000, noise=3.0, influence=population)
    truth = subset_score(population + error, models, random).value
    covered = 0
    for _ in range(200):
        rows = random.integers(0, 400, 20)
        _, models = additive(random, 40, noise=3.0, influence=population[:, rows])
        low, high = subset_score((population + error)[:, rows], models, random).ci95
        covered += low <= truth <= high
    # 95 % less three standard errors of 200 draws.
    assert covered >= 181


def test_intervals_of_the_correlation_cover_over_queries_and_records() -> None:
    random = np.random.default_rng(7)
    spread = np.linspace(0.2, 3, 500)
    covered, draws, queries, records = 0, 200, 15, 25

    def draw(count, columns):
        effects = random.normal(size=(count, len(columns)))
        return effects, effects + random.normal(size=effects.shape) * spread[columns]

    truth = np.mean(
        [np.corrcoef(*(e[:, 0] for e in draw(4000, np.array([c]))))[0, 1] for c in range(500)]
    )
    for _ in range(draws):
        effects, estimate = draw(records, random.integers(0, 500, queries))
        members = np.concatenate([np.ones((1, records)), 1 - np.eye(records)]).astype(bool)
        outputs = members @ effects
        pairs = np.stack([np.zeros(records, dtype=int), np.arange(1, records + 1)], axis=1)
        models = RetrainedModels(outputs, members, None, pairs)
        low, high = leave_one_out_correlation(estimate, models, random, ranked=False).ci95
        covered += low <= truth <= high
    assert covered >= 181


def test_accuracy_drops_without_the_records_that_decide_and_not_without_random_ones() -> None:
    random = np.random.default_rng(8)
    influence = 0.05 * random.normal(size=(RECORDS, 40))
    for query in range(40):
        order = random.permutation(RECORDS)
        influence[order[:5], query] += 1
        influence[order[5:10], query] -= 1
    _, models = additive(random, subsets=60, influence=influence)
    drop = accuracy_drop(influence, models, 5, random)
    assert drop.low > 0.4
    control = random_drop(models, 5, random)
    assert control.low < 0 < control.high
    assert accuracy_drop(-influence, models, 5, random).value < drop.value


def test_what_cannot_be_measured_says_why() -> None:
    random = np.random.default_rng(9)
    influence, models = additive(random)
    with pytest.raises(ImprintError, match="3 subsets that two or more models were trained on"):
        subset_ceiling(models, random)
    with pytest.raises(ImprintError, match="choose fewer"):
        accuracy_drop(influence, models, RECORDS, random)
    values = RetrainedModels(models.outputs, models.members)
    with pytest.raises(ImprintError, match="needs classes of the queries"):
        accuracy_drop(influence, values, 3, random)
    same = RetrainedModels(models.outputs, np.ones_like(models.members))
    with pytest.raises(ImprintError, match="1 different subsets give no rank correlation"):
        subset_score(influence, same, random)
    with pytest.raises(ImprintError, match="0 records that models were trained with and without"):
        leave_one_out_correlation(influence, same, random)
    one = RetrainedModels(models.outputs[:, :1], models.members)
    with pytest.raises(ImprintError, match="one query has no interval"):
        subset_score(influence[:, :1], one, random)


def test_pairs_alone_are_no_subsets() -> None:
    random = np.random.default_rng(10)
    influence, models = paired(random)
    for measure in (
        lambda: subset_score(influence, models, random),
        lambda: subset_ceiling(models, random),
    ):
        with pytest.raises(ImprintError, match="0 different subsets"):
            measure()
