import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.train.cohort.masks import (
    Masks,
    balanced_masks,
    coin_flips,
    leave_one_out_pairs,
    legacy_masks,
    ordered_halves,
    ordered_subsets,
    random_subsets,
    read_masks,
    write_masks,
)


@pytest.fixture(scope="module")
def legacy():
    return legacy_masks()


def test_legacy_masks_are_the_published_ones_bit_for_bit(legacy):
    assert legacy.members.shape == (256, 50_000)
    sizes = legacy.members.sum(axis=1)
    assert sizes[[0, 64, 65, 66]].tolist() == [24_922, 24_765, 24_848, 25_052]
    assert legacy.hash() == "9069a6f2f4127ef931a0054e3c1623fe80e13fc33ad078e340109108e17bc581"


def test_legacy_references_see_a_record_15_to_49_times(legacy):
    seen = legacy.members[:64].sum(axis=0)
    assert (seen.min(), seen.max(), (seen <= 20).sum()) == (15, 49, 77)
    assert np.array_equal(legacy.members[128:], ~legacy.members[:128])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(0, 2**40))
def test_balanced_masks_hold_every_record_in_half_of_the_models(n, count, seed):
    members = balanced_masks(n, count, seed).members
    assert members.shape == (count, n)
    assert (members.sum(axis=0) == count // 2).all()


def test_random_subsets_are_nested_and_of_the_sizes_asked_for():
    members = random_subsets(50, (5, 20, 50), seed=1).members
    assert members.sum(axis=1).tolist() == [5, 20, 50]
    assert (members[0] <= members[1]).all()
    assert not np.array_equal(members[0], random_subsets(50, (5,), seed=2).members[0])
    assert np.flatnonzero(members[0]).tolist() != [0, 1, 2, 3, 4]


def test_ordered_subsets_take_the_first_of_the_order():
    members = ordered_subsets(np.array([3, 0, 2, 1]), (1, 3)).members
    assert members.tolist() == [[False, False, False, True], [True, False, True, True]]


def test_the_control_tosses_a_coin_inside_the_subset_alone():
    order = np.arange(400)[::-1].copy()
    members = ordered_halves(order, 200, 64, seed=0).members
    assert not members[:, :200].any()
    inside = members[:, 200:]
    # 12,800 fair coins: six standard deviations are 0.027.
    assert abs(inside.mean() - 0.5) < 0.027
    # Position in the order, as good a score of difficulty as any, tells nothing of membership.
    position = np.tile(np.arange(200), 64)
    assert abs(np.corrcoef(position, inside.ravel())[0, 1]) < 6 / np.sqrt(inside.size)
    assert len(np.unique(inside.sum(axis=0))) > 5


def test_pairs_differ_in_their_record_alone():
    base = np.array([True, False, True, True])
    members = leave_one_out_pairs(base, [2, 1]).members
    assert members.shape == (4, 4)
    for row, record in enumerate((2, 1)):
        with_it, without = members[2 * row], members[2 * row + 1]
        assert with_it[record]
        assert not without[record]
        others = np.arange(4) != record
        assert np.array_equal(with_it[others], base[others])
        assert np.array_equal(without[others], base[others])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(2, 6))
def test_masks_come_back_from_their_file(tmp_path_factory, n, count):
    path = tmp_path_factory.mktemp("masks") / "members.npy"
    masks = balanced_masks(n, count, 3)
    write_masks(path, masks)
    found = read_masks(path)
    assert np.array_equal(found.members, masks.members)
    assert found.design == {"kind": "balanced", "seed": 3}
    assert np.load(path).shape == (count, -(-n // 8))


def test_other_bits_than_the_card_says_are_refused(tmp_path):
    path = tmp_path / "members.npy"
    write_masks(path, balanced_masks(16, 4, 0))
    np.save(path, ~np.load(path))
    with pytest.raises(ImprintError, match="does not hold the masks of its card"):
        read_masks(path)
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({"models": card["models"]}))
    with pytest.raises(ImprintError, match="cannot read masks"):
        read_masks(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(ImprintError, match=r"no masks at .*members\.npy"):
        read_masks(path)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: Masks(np.zeros((2, 3))), r"bool \[models, records\], got float64 \[2, 3\]"),
        (lambda: random_subsets(10, (11,), 0), "cannot take 11 of 10 records"),
        (lambda: ordered_subsets(np.array([0, 0, 2]), (1,)), "every record from 0 on exactly once"),
        (lambda: ordered_halves(np.arange(3), 2, 0, 0), "at least 1 model, got 0"),
        (lambda: leave_one_out_pairs(np.ones(3, dtype=bool), [3]), "records in 0…2"),
        (lambda: leave_one_out_pairs(np.ones(3, dtype=bool), []), "got none"),
        (lambda: balanced_masks(4, 1, 0), "at least 2 models"),
    ],
)
def test_impossible_masks_are_refused(draw, message):
    with pytest.raises(ImprintError, match=message):
        draw()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**40), st.booleans())
def test_coins_decide_on_canaries_alone(n, seed, reference):
    canaries = np.random.default_rng(seed).permutation(n)[: max(1, n // 2)]
    members = coin_flips(n, canaries, seed, reference).members
    others = np.setdiff1d(np.arange(n), canaries)
    assert members.shape == (1 + reference, n)
    assert members[:, others].all()
    assert not members[1:, canaries].any()


def test_each_coin_is_fair_and_knows_nothing_of_the_others():
    canaries = np.arange(50, 250)
    heads = np.stack([coin_flips(300, canaries, seed).members[0, 50:250] for seed in range(400)])
    # 400 tosses of each of 200 coins; a share beyond six standard errors has a chance of 2e-9.
    assert np.abs(heads.mean(axis=0) - 0.5).max() < 6 * 0.5 / 20
    sizes = heads.sum(axis=1)
    # Their number has the variance of independent coins, 50: a fixed number would have none.
    assert 30 < sizes.var() < 75
    alone = coin_flips(300, canaries[10:20], 7).members[0, 60:70]
    assert np.array_equal(alone, coin_flips(300, canaries, 7).members[0, 60:70])


@pytest.mark.parametrize("canaries", [[], [-1], [5], [2, 2]])
def test_impossible_canaries_are_refused(canaries):
    with pytest.raises(ImprintError, match=r"different records in 0…4"):
        coin_flips(5, np.array(canaries, dtype=np.int64), 0)
