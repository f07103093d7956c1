import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.cohort.references import Cohort, References, loss, probability


def balanced(random, models, records, inside):
    return np.argsort(random.random((models, records)), axis=0) < inside


def make(seed, models=8, augmentations=2, records=9, inside=None):
    random = np.random.default_rng(seed)
    phi = random.normal(1, 3, size=(models, augmentations, records))
    if inside is None:
        return Cohort({"phi": phi}, random.random((models, records)) < 0.5)
    return Cohort({"phi": phi}, balanced(random, models, records, inside))


@pytest.mark.parametrize("inside", [4, 2, 6])
def test_counts_of_a_balanced_cohort_do_not_tell_who_was_a_member(inside):
    cohort = make(0, inside=inside)
    for target in range(len(cohort)):
        outside_left, inside_left = References(cohort, target).counts
        assert (inside_left == inside - 1).all()
        assert (outside_left == len(cohort) - inside - 1).all()


def test_partners_are_of_the_other_side_and_mutual_when_halves_are_equal():
    cohort = make(1, inside=4)
    rows = np.arange(9)
    for target in range(8):
        partner = cohort.partners[target]
        assert (cohort.members[partner, rows] != cohort.members[target]).all()
        assert (cohort.partners[partner, rows] == target).all()


@pytest.mark.parametrize("target", [0, 1, 7])
def test_what_single_models_say_of_every_record_does_not_tell_who_was_a_member(target):
    # Every model answers with a number of its own, the same for all records, so whatever a mean
    # tells of the target's members it tells by who was taken out. Each mean of 20,000 records has
    # a standard error below 0.01; 5 of them (one false alarm in a million) are allowed.
    random = np.random.default_rng(4)
    records = 20_000
    phi = np.broadcast_to(np.arange(8.0)[:, None, None], (8, 1, records)).copy()
    cohort = Cohort({"phi": phi}, balanced(random, 8, records, 4))
    members = cohort.members[target]
    for side in References(cohort, target).moments("phi"):
        inside, outside = side.mean[0, members], side.mean[0, ~members]
        error = np.sqrt(inside.var() / len(inside) + outside.var() / len(outside))
        assert abs(inside.mean() - outside.mean()) < 5 * error


@pytest.mark.parametrize("odd", [False, True])
def test_a_target_takes_the_model_of_the_other_half_with_it(odd):
    # Its complement is an OUT model exactly where the target is an IN model, so the mean of one
    # side would tell: here every model answers with a number of its own.
    random = np.random.default_rng(5)
    halves = random.random((4, 200)) < 0.5
    members = np.concatenate([halves, ~halves, random.random((1, 200)) < 0.5][: 2 + odd])
    phi = np.broadcast_to(np.arange(9.0)[: len(members), None, None], (len(members), 1, 200))
    references = References(Cohort({"phi": phi.copy()}, members), 1)
    assert not references.used[[1, 5]].any()
    assert references.used.sum(axis=0).tolist() == [len(members) - 2] * 200


def test_an_unbalanced_cohort_loses_the_target_alone():
    cohort = make(2)
    assert cohort.partners is None
    assert (References(cohort, 3).used.sum(axis=0) == 7).all()
    assert References(cohort).used.all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    inside=st.sampled_from([None, 4, 3]),
    target=st.sampled_from([None, 0, 5]),
    level=st.sampled_from([0.0, 1e-4, 0.3, 1.0]),
)
def test_statistics_are_those_of_the_models_used(seed, inside, target, level):
    cohort = make(seed, inside=inside)
    references = References(cohort, target)
    outside, within = references.moments("loss")
    everyone = references.mean_probability(only_out=False)
    only_out = references.mean_probability(only_out=True)
    quantile = references.out_loss_quantile(level)
    phi, used, members = cohort.signals["phi"], references.used, cohort.members
    for record in range(members.shape[1]):
        outs = phi[used[:, record] & ~members[:, record], :, record]
        ins = phi[used[:, record] & members[:, record], :, record]
        assert references.counts[0][record] == len(outs)
        every = probability(phi[used[:, record], :, record]).mean(axis=0)
        np.testing.assert_allclose(everyone[:, record], every, rtol=1e-12)
        if len(outs):
            np.testing.assert_allclose(outside.mean[0, record], loss(outs[:, 0]).mean())
            np.testing.assert_allclose(only_out[:, record], probability(outs).mean(axis=0))
            np.testing.assert_allclose(quantile[record], np.quantile(loss(outs[:, 0]), level))
        if len(ins):
            np.testing.assert_allclose(within.mean[0, record], loss(ins[:, 0]).mean())


def test_a_record_without_out_models_takes_the_mean_quantile():
    phi = -np.log(np.expm1(np.array([[[1.0, 2.0, 4.0]]])))  # losses 1, 2, 4
    cohort = Cohort({"phi": phi}, np.array([[False, False, True]]))
    np.testing.assert_allclose(References(cohort).out_loss_quantile(0.5), [1, 2, 1.5])


def test_loss_and_probability_at_the_edges():
    phi = np.array([0.0, 800.0, -800.0])
    np.testing.assert_allclose(loss(phi), [np.log(2), 0, 800])
    assert probability(phi).tolist() == [0.5, 1.0, 1e-300]


def test_small_probabilities_survive_a_large_one_taken_out():
    phi = np.full((4, 1, 1), -60.0)
    phi[0] = 40.0
    cohort = Cohort({"phi": phi}, np.array([[True], [True], [False], [False]]))
    found = References(cohort, 0).mean_probability(only_out=False)
    np.testing.assert_allclose(np.log(found), [[-60.0]], rtol=1e-12)
