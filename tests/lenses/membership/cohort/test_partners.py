import numpy as np

from imprint.lenses.membership.cohort.partners import draw_partners, find_complements


def balanced(seed, models, records, inside):
    return np.argsort(np.random.default_rng(seed).random((models, records)), axis=0) < inside


def test_partners_are_of_the_other_side():
    members = balanced(0, 7, 50, 3)
    partners = draw_partners(members)
    assert (np.take_along_axis(members, partners, axis=0) != members).all()


def test_partners_are_kept_models_alone():
    members = balanced(1, 8, 50, 4)
    # Two of each side stay.
    rank = np.argsort(np.argsort(members * 10.0 + np.arange(8)[:, None], axis=0), axis=0)
    kept = (rank < 2) | (rank >= 6)
    partners = draw_partners(members, kept)
    assert np.take_along_axis(kept, partners, axis=0)[kept].all()
    assert (np.take_along_axis(members, partners, axis=0) != members)[kept].all()


def test_unequal_counts_and_single_sides_have_no_partners():
    assert draw_partners(np.array([[True, False], [True, True]])) is None
    assert draw_partners(np.ones((3, 4), dtype=bool)) is None
    assert draw_partners(np.zeros((3, 4), dtype=bool)) is None


def test_partners_are_complements_where_there_are_any():
    half = np.random.default_rng(2).random((3, 60)) < 0.5
    members = np.concatenate([half, ~half])
    assert find_complements(members).tolist() == [3, 4, 5, 0, 1, 2]
    assert (draw_partners(members) == np.array([3, 4, 5, 0, 1, 2])[:, None]).all()
    assert find_complements(half).tolist() == [-1, -1, -1]
