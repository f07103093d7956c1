import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.seeds import derive, generator, uniforms


def test_different_arguments_give_different_seeds():
    arguments = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 0, 0), (0, "a", "0\x1f0", 1)]
    assert len({derive(*each) for each in arguments}) == len(arguments)
    assert all(0 <= derive(*each) < 2**63 for each in arguments)


def test_generators_repeat():
    assert generator(3, "x", 1).random() == generator(3, "x", 1).random()
    assert generator(3, "x", 1).random() != generator(3, "x", 2).random()


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**40), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_a_row_of_uniforms_depends_on_its_id_alone(key, ids):
    together = uniforms(key, ids, 4)
    alone = np.concatenate([uniforms(key, [each], 4) for each in ids])
    assert np.array_equal(together, alone)
    assert np.array_equal(uniforms(key, ids, 2), together[:, :2])


def test_uniforms_are_uniform_and_independent():
    draws = uniforms(derive(0, "test"), np.arange(20_000), 3)
    counts = np.histogram(draws, bins=50, range=(0, 1))[0]
    expected = draws.size / 50
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 94  # 49 degrees of freedom: exceeded with probability 1e-4
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 4.5 / np.sqrt(20_000)
    neighbours = np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]
    assert abs(neighbours) < 4.5 / np.sqrt(20_000)
