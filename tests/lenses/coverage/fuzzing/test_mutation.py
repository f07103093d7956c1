from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, Changes, apply

NAMES = MUTATIONS.names()


@pytest.mark.parametrize("name", NAMES)
def test_amounts_lie_within_a_range_about_nothing(name: str) -> None:
    mutation = MUTATIONS.get(name)()
    uniform = np.random.default_rng(0).random((500, 2))
    amounts = mutation.amounts(uniform)
    assert amounts.shape == (500, 2)
    assert np.isfinite(amounts).all()
    assert mutation.words
    if mutation.is_gradual:
        assert np.abs(amounts).min() < 0.05 * np.abs(amounts).max()


def test_a_batch_of_all_mutations_is_each_by_itself() -> None:
    random = np.random.default_rng(1)
    count = len(NAMES)
    images = torch.from_numpy(random.integers(0, 256, (count, 3, 16, 16)).astype(np.float32))
    before = images.clone()
    mutations = [MUTATIONS.get(name)() for name in NAMES]
    uniform = np.full((count, 2), 0.9)
    amounts = np.stack(
        [mutation.amounts(uniform[row : row + 1])[0] for row, mutation in enumerate(mutations)]
    )
    changes = Changes(np.arange(count), amounts, np.arange(count))
    together = apply(mutations, images, changes, images.byte())
    torch.testing.assert_close(images, before, rtol=0, atol=0)
    assert together.min() >= 0
    assert together.max() <= 255
    for row in range(count):
        rows = np.array([row])
        alone = apply(mutations, images[rows], changes.rows(rows), images.byte())
        torch.testing.assert_close(together[rows], alone, rtol=0, atol=0)
        assert (alone != images[rows]).any()


def test_no_mutation_is_no_change() -> None:
    images = torch.rand(2, 1, 4, 4).mul(255).round()
    changes = Changes(np.full(2, -1), np.ones((2, 2)), np.zeros(2, np.int64))
    unchanged = apply([MUTATIONS.get("shift")()], images, changes, images.byte())
    torch.testing.assert_close(unchanged, images)
