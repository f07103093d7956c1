import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.pseudo_targets import pseudo_targets
from imprint.lenses.membership.attack_kit.run import attack_cohort, cohort_target
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import auc
from tests.lenses.membership.attack_cases import score
from tests.lenses.membership.attack_kit.test_moderation import moderate_by_loop, simulate


def evidence_of(phi, masks, own):
    return Evidence({"phi": own}, References(Cohort({"phi": phi}, masks)))


def half_in(random, models, records):
    return np.argsort(random.random((models, records)), axis=0) < models // 2


def features_by_loop(evidence):
    """Return the ten features of each record as the module's docstring has them, ``[N, 10]``."""
    references = evidence.references
    cohort, used = references.cohort, references.used
    records = range(cohort.members.shape[1])
    own = evidence.target["phi"][0]
    sides = [
        [cohort.signals["phi"][used[:, i] & (cohort.members[:, i] == side), 0, i] for i in records]
        for side in (False, True)
    ]
    # Models of one record in one column, OUT first, as the loop of the moderated ratio wants them.
    phi = np.array([np.concatenate([sides[0][i], sides[1][i]]) for i in records]).T
    masks = np.array([[0] * len(sides[0][i]) + [1] * len(sides[1][i]) for i in records]).T > 0
    ratio, spread = moderate_by_loop(phi, masks, own, with_spread=True)
    rows = []
    for i in records:
        outs, ins = sides[0][i], sides[1][i]
        mean_probability = np.mean([slow.p(x) for x in phi[:, i]])
        losses = [np.mean([slow.loss(x) for x in side]) for side in (outs, ins)]
        distance = own[i] - (outs.mean() + ins.mean()) / 2
        rmia = np.log(slow.p(own[i])) - np.log(mean_probability)
        mast = sum(losses) / 2 - slow.loss(own[i])
        gap = ins.mean() - outs.mean()
        context = [gap, np.log(mean_probability), spread[i]]
        rows.append([ratio[i], distance, mast, rmia, ratio[i], distance, rmia, *context])
    return np.array(rows)


def stacked_by_loop(evidence):
    """Return the score from its definition: features by loops, a general minimiser."""
    own, learned, members = features_by_loop(evidence), [], []
    for pseudo in pseudo_targets(evidence):
        learned.append(features_by_loop(pseudo.evidence)[pseudo.usable])
        members.append(pseudo.members[pseudo.usable])
    learned, members = np.concatenate(learned), np.concatenate(members)
    low, high = np.quantile(learned[:, 4:], 0.01, axis=0), np.quantile(learned[:, 4:], 0.99, axis=0)

    def expand(row):
        cut = np.minimum(np.maximum(row[4:], low), high) - (low + high) / 2
        products = [cut[i] * cut[j] for i in range(6) for j in range(i, 6)]
        return [*row[:4], *cut, *products]

    rows = np.array([expand(row) for row in learned])
    target = np.array([expand(row) for row in own])
    centre, deviation = rows.mean(axis=0), rows.std(axis=0)
    rows, target = (rows - centre) / deviation, (target - centre) / deviation
    prior = np.zeros(rows.shape[1])
    prior[2:4] = 0.25

    def objective(values):
        odds = rows @ values[:-1] + values[-1]
        loss = np.where(members, np.logaddexp(0, -odds), np.logaddexp(0, odds)).sum()
        missed = 1 / (1 + np.exp(-odds)) - members
        pull = values[:-1] - prior
        slope = np.append(rows.T @ missed + 10 * pull, missed.sum())
        return loss + 5 * (pull**2).sum(), slope

    best = minimize(objective, np.zeros(rows.shape[1] + 1), jac=True, tol=1e-15, method="BFGS").x
    # The minimiser stops short of the last digits: one Newton step more.
    odds = rows @ best[:-1] + best[-1]
    chance = 1 / (1 + np.exp(-odds))
    design = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.append(np.full(len(prior), 10.0), 0.0)
    slope = design.T @ (chance - members) + penalty * (best - np.append(prior, 0))
    bend = design.T @ (design * (chance * (1 - chance))[:, None]) + np.diag(penalty)
    best = best - np.linalg.solve(bend, slope)
    return target @ best[:-1] + best[-1]


@pytest.mark.parametrize("target", [None, 2])
def test_it_is_the_loop_over_records_and_pseudo_targets(target):
    phi, masks, own, _ = simulate(10, 60, seed=1)
    evidence = evidence_of(phi, masks, own)
    if target is not None:
        evidence = cohort_target(evidence.references.cohort, target)
    expected = stacked_by_loop(evidence)
    np.testing.assert_allclose(score("stacked", evidence), expected, rtol=1e-10, atol=1e-10)


def noise_areas(target, seeds, records, offline=False):
    """Return AUCs of a target that learnt nothing, of references that did."""
    areas = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        masks = half_in(random, 8, records)
        place, spread = random.normal(0, 1.5, records), random.uniform(0.5, 1.5, records)
        phi = place + masks + spread * random.normal(size=masks.shape)
        if target is None:
            own, members = (
                place + 0.5 + spread * random.normal(size=records),
                random.random(records) < 0.5,
            )
            evidence = evidence_of(phi[:, None], masks, own[None])
        else:
            phi[target] = place + 0.5 + spread * random.normal(size=records)
            evidence = cohort_target(Cohort({"phi": phi[:, None]}, masks), target)
            members = masks[target]
        values = score("stacked", evidence, offline=offline)
        areas.append(auc(values[members], values[~members]).value)
    return np.array(areas)


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("target", [None, 3])
def test_a_target_that_learnt_nothing_is_at_chance(target, offline):
    # The AUC of 1,500 and 1,500 records of noise has a standard deviation of .0105; the mean of 6
    # has an error of .0043, and four of them are exceeded once in 16,000 times.
    areas = noise_areas(target, 6, 3000, offline)
    assert abs(areas.mean() - 0.5) < 4 * 0.0105 / np.sqrt(6)


def test_membership_of_a_target_among_coins_is_not_read():
    random = np.random.default_rng(0)
    phi, masks = random.normal(size=(6, 1, 200)), random.random((6, 200)) < 0.5
    flipped = masks.copy()
    flipped[1] ^= True
    first, second = (
        score("stacked", cohort_target(Cohort({"phi": phi}, each), 1)) for each in (masks, flipped)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ratio", [0.6, 1.5])
def test_it_finds_what_the_moderated_ratio_finds_of_normal_margins(ratio):
    phi, masks, own, members = simulate(8, 4000, ratio, seed=3)
    evidence = evidence_of(phi, masks, own)
    areas = {
        name: auc(*(score(name, evidence)[side] for side in (members, ~members))).value
        for name in ("stacked", "lira_moderated", "rmia", "mast")
    }
    assert areas["stacked"] > areas["lira_moderated"] - 0.003
    assert areas["stacked"] > max(areas["rmia"], areas["mast"]) + 0.02


def heavy_tailed(random, models, records):
    """Return margins whose gap and spread grow together with the difficulty, Student-t of 3."""
    masks = half_in(random, models, records)
    masks[-1] = random.random(records) < 0.5
    hard = random.gamma(1.0, 1.0, records)
    noise = random.standard_t(3, size=masks.shape) * (0.3 + hard)
    return (4 - 2 * hard + masks * hard + noise)[:, None], masks


def test_it_finds_what_mast_and_rmia_find_where_gap_and_spread_grow_together():
    phi, masks = heavy_tailed(np.random.default_rng(2), 17, 4000)
    evidence = evidence_of(phi[:-1], masks[:-1], phi[-1])
    members = masks[-1]
    areas = {
        name: auc(*(score(name, evidence)[side] for side in (members, ~members))).value
        for name in ("stacked", "lira_moderated", "rmia", "mast")
    }
    assert areas["stacked"] > max(areas.values()) - 0.005


def test_log_odds_are_calibrated():
    phi, masks, own, members = simulate(10, 6000, seed=5)
    chance = 1 / (1 + np.exp(-score("stacked", evidence_of(phi, masks, own))))
    for low, high in ((0.0, 0.35), (0.35, 0.65), (0.65, 1.0)):
        chosen = (chance >= low) & (chance < high)
        # Four standard errors of a share: once in 16,000 times each.
        error = np.sqrt(0.25 / chosen.sum())
        assert abs(members[chosen].mean() - chance[chosen].mean()) < 4 * error + 0.02


def test_four_models_with_the_target_among_them_take_the_prior_weights():
    random = np.random.default_rng(1)
    masks = half_in(random, 4, 300)
    phi = random.normal(0, 1.5, 300) + masks + random.normal(size=masks.shape)
    evidence = cohort_target(Cohort({"phi": phi[:, None]}, masks), 0)
    expected = sum(
        0.25 * (values - values.mean()) / values.std()
        for values in (score("mast", evidence), score("rmia", evidence))
    )
    np.testing.assert_allclose(score("stacked", evidence), expected, rtol=1e-9)


def test_offline_reads_no_in_model_of_a_record_that_is_not_learned_on():
    # References of a second half of the records, none of which they were trained on, as before.
    random = np.random.default_rng(4)
    phi, masks, own, _ = simulate(8, 400, seed=6)
    masks[:, 200:] = False
    scores = score("stacked", evidence_of(phi, masks, own), offline=True)
    assert np.isfinite(scores).all()
    # The IN models of one record may say anything, and its own score stays nearly as it is.
    changed = phi.copy()
    changed[:, 0, 0] += np.where(masks[:, 0], random.normal(0, 3, 8), 0.0)
    moved = score("stacked", evidence_of(changed, masks, own), offline=True)
    online = [score("stacked", evidence_of(each, masks, own))[0] for each in (phi, changed)]
    assert abs(moved[0] - scores[0]) < 0.2 * abs(online[1] - online[0])


def test_curvature_alone_can_be_read():
    phi, masks, own, members = simulate(8, 1500, seed=7)
    cohort = Cohort({"log_curvature": -phi}, masks)
    scores = score("stacked", Evidence({"log_curvature": -own}, References(cohort)))
    assert auc(scores[members], scores[~members]).ci95[0] > 0.6


def test_every_model_of_a_cohort_is_a_target():
    random = np.random.default_rng(8)
    masks = half_in(random, 8, 500)
    phi = random.normal(0, 1.5, 500) + masks + norm.rvs(size=masks.shape, random_state=random)
    scored = attack_cohort(Cohort({"phi": phi[:, None]}, masks), [ATTACKS.get("stacked")])
    areas = [
        auc(values[inside], values[~inside]).value
        for values, inside in zip(scored.scores["stacked"], masks, strict=True)
    ]
    assert np.mean(areas) > 0.65
