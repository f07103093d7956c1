import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.pseudo_targets import collect_examples, pseudo_targets
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.cohort.references import Cohort, References, loss, probability
from tests.lenses.membership.attack_cases import simulate


def make(seed, models=10, records=40, inside=5):
    random = np.random.default_rng(seed)
    phi = random.normal(1, 3, size=(models, 2, records))
    if inside is None:
        members = random.random((models, records)) < 0.5
    else:
        members = np.argsort(random.random((models, records)), axis=0) < inside
    return Cohort({"phi": phi}, members, {"phi": random.normal(size=(models, 2, 6))})


def evidence_of(cohort, target):
    if target is None:
        return Evidence({"phi": np.zeros((2, cohort.members.shape[1]))}, References(cohort))
    return cohort_target(cohort, target)


@pytest.mark.parametrize(("target", "left"), [(None, 4), (2, 3)])
def test_counts_of_a_balanced_cohort_do_not_tell_a_pseudo_targets_members(target, left):
    for pseudo in pseudo_targets(evidence_of(make(0), target)):
        outside, inside = pseudo.evidence.references.counts
        assert (outside == left).all()
        assert (inside == left).all()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    inside=st.sampled_from([5, 4, None]),
    target=st.sampled_from([None, 0, 7]),
)
def test_a_pseudo_target_is_no_reference_of_itself_nor_is_what_the_target_lacks(
    seed, inside, target
):
    cohort = make(seed, inside=inside)
    evidence = evidence_of(cohort, target)
    rows = []
    for pseudo in pseudo_targets(evidence):
        rows.append(pseudo.row)
        references = pseudo.evidence.references
        assert not references.used[pseudo.row].any()
        assert not (references.used & ~evidence.references.used).any()
        assert (pseudo.usable <= evidence.references.used[pseudo.row]).all()
        assert (pseudo.members == cohort.members[pseudo.row]).all()
        assert (pseudo.evidence.target["phi"] == cohort.signals["phi"][pseudo.row]).all()
        apart = {target, pseudo.row} - {None}
        kept = [row for row in range(10) if row not in apart]
        assert (references.population("phi") == cohort.population["phi"][kept]).all()
        expected = probability(cohort.population["phi"][kept]).mean(axis=0)
        np.testing.assert_allclose(references.population_mean_probability(), expected)
    assert rows == [row for row in range(10) if row != target]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    inside=st.sampled_from([5, 4, None]),
    level=st.sampled_from([0, 0.3]),
)
def test_statistics_are_those_of_the_models_used(seed, inside, level):
    cohort = make(seed, records=12, inside=inside)
    for pseudo in list(pseudo_targets(evidence_of(cohort, 3)))[::4]:
        references = pseudo.evidence.references
        outside, within = references.moments("loss")
        everyone = references.mean_probability(only_out=False)
        quantile = references.out_loss_quantile(level)
        assert references.counts[0].sum() + references.counts[1].sum() == references.used.sum()
        for record in range(12):
            used, member = references.used[:, record], cohort.members[:, record]
            values = cohort.signals["phi"][:, :, record]
            np.testing.assert_allclose(everyone[:, record], probability(values[used]).mean(axis=0))
            outs, ins = loss(values[used & ~member, 0]), loss(values[used & member, 0])
            if len(outs):
                np.testing.assert_allclose(outside.mean[0, record], outs.mean())
                np.testing.assert_allclose(quantile[record], np.quantile(outs, level))
            if len(ins):
                np.testing.assert_allclose(within.mean[0, record], ins.mean())


@pytest.mark.parametrize("target", [None, 1])
def test_what_single_models_say_does_not_tell_a_pseudo_targets_members(target):
    # Every model answers with a number of its own, so that whatever a mean tells it tells by who
    # was taken out; 5 standard errors are allowed, one false alarm in a million and a half a mean.
    members = np.argsort(np.random.default_rng(4).random((8, 20_000)), axis=0) < 4
    phi = np.broadcast_to(np.arange(8.0)[:, None, None], (8, 1, 20_000)).copy()
    for pseudo in pseudo_targets(evidence_of(Cohort({"phi": phi}, members), target), most=2):
        own = pseudo.members
        for side in pseudo.evidence.references.moments("phi"):
            mean = side.mean[0]
            ins, outs = mean[own & pseudo.usable], mean[~own & pseudo.usable]
            error = np.sqrt(ins.var() / len(ins) + outs.var() / len(outs))
            assert abs(ins.mean() - outs.mean()) < 5 * error


@pytest.mark.parametrize("target", [None, 0])
def test_a_pseudo_target_takes_the_model_of_the_other_half_with_it(target):
    random = np.random.default_rng(5)
    half = random.random((4, 50)) < 0.5
    for members in (
        np.concatenate([half, ~half]),
        np.concatenate([half, ~half, random.random((1, 50)) < 0.5]),
    ):
        cohort = Cohort({"phi": random.normal(size=(len(members), 1, 50))}, members)
        for pseudo in pseudo_targets(evidence_of(cohort, target)):
            if pseudo.row < 8:
                assert not pseudo.evidence.references.used[(pseudo.row + 4) % 8].any()
            assert pseudo.usable.all()


def test_membership_of_a_target_among_coins_is_not_read():
    cohort = make(5, inside=None)
    flipped = cohort.members.copy()
    flipped[4] ^= True
    other = Cohort(cohort.signals, flipped, cohort.population)

    def margins(evidence):
        return ATTACKS.get("mast").score(evidence)[:, None]

    first, second = (collect_examples(cohort_target(each, 4), margins) for each in (cohort, other))
    np.testing.assert_allclose(first.features, second.features, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(first.members, second.members)


@pytest.mark.parametrize("target", [None, 1])
def test_an_attack_on_pseudo_targets_finds_their_members(target):
    evidence, _ = simulate(3, models=8, records=2000, gap=1.5, target=target)

    def ratios(of):
        return ATTACKS.get("rmia").score(Evidence(of.target, of.references))[:, None]

    examples = collect_examples(evidence, ratios)
    inside = examples.features[examples.members, 0]
    outside = examples.features[~examples.members, 0]
    assert inside.mean() > outside.mean() + 0.1
    for row in np.unique(examples.row):
        chosen = examples.row == row
        members = evidence.references.cohort.members[row, examples.record[chosen]]
        assert (members == examples.members[chosen]).all()


def test_too_few_models_have_no_pseudo_target():
    assert list(pseudo_targets(Evidence({"phi": np.zeros((2, 40))}))) == []
    assert list(pseudo_targets(evidence_of(make(0, models=1, inside=None), None))) == []
    assert list(pseudo_targets(evidence_of(make(0, models=4, inside=2), 0))) == []
    assert collect_examples(evidence_of(make(0, models=4, inside=2), 0), lambda of: of) is None
    assert len(list(pseudo_targets(evidence_of(make(0, models=4, inside=2), None)))) == 4


def test_most_draws_that_many_by_the_seed():
    evidence = evidence_of(make(1), None)
    rows = [pseudo.row for pseudo in pseudo_targets(evidence, most=3)]
    assert len(rows) == 3
    assert rows == [pseudo.row for pseudo in pseudo_targets(evidence, most=3)]
    chosen = {tuple(p.row for p in pseudo_targets(evidence, 3, seed)) for seed in range(8)}
    assert len(chosen) > 1


def test_examples_are_at_most_as_many_as_asked():
    evidence = evidence_of(make(1), 0)

    def margins(of):
        return of.target["phi"].T

    every = collect_examples(evidence, margins)
    some = collect_examples(evidence, margins, most_examples=90)
    assert len(every.members) == (9 * 40) - 40
    assert np.bincount(some.row, minlength=10).tolist() == [0] + [10] * 9
    whole = set(zip(every.row, every.record, every.features[:, 0], strict=True))
    assert set(zip(some.row, some.record, some.features[:, 0], strict=True)) <= whole


def test_some_records_keep_their_removed_models():
    evidence = evidence_of(make(2), 0)
    pseudo = next(pseudo_targets(evidence))
    rows = np.array([30, 4, 11])
    left = pseudo.evidence.records(rows).references
    assert (left.used == pseudo.evidence.references.used[:, rows]).all()
    assert (left.counts[0] == 3).all()
