from __future__ import annotations

import numpy as np

from imprint.lenses.reconstruct.quality.halves import half_size, split_halves


def test_halves_are_disjoint_and_of_one_size() -> None:
    real, generated = np.arange(9.0)[:, None], np.arange(100.0, 120.0)[:, None]
    splits = list(split_halves(real, generated, 3, seed=0))
    assert len(splits) == 3
    for base, other, drawn in splits:
        assert len(base) == len(other) == len(drawn) == half_size(real, generated) == 4
        assert len(np.unique(np.concatenate([base, other]))) == 8
        assert len(np.unique(drawn)) == 4
    assert not np.array_equal(splits[0][0], splits[1][0])


def test_few_generated_images_bound_the_halves() -> None:
    assert half_size(np.zeros((100, 2)), np.zeros((7, 2))) == 7


def test_the_seed_decides_the_splits() -> None:
    real, generated = np.arange(20.0)[:, None], np.arange(9.0)[:, None]
    first, again, other = (
        np.concatenate(next(split_halves(real, generated, 1, seed))) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
