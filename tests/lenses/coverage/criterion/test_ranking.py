from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.coverage.criterion.ranking import most_active
from imprint.neurons.activations import Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("four", "two"), (4, 2))


def test_of_equal_activations_the_first_neurons_rank_first() -> None:
    found = most_active(batch([[1.0, 3.0, 1.0, 3.0, -0.0, 0.0]], LAYERS), 3)
    assert [top.tolist() for top in found] == [[[1, 3, 0]], [[0, 1]]]


@given(
    st.lists(
        st.lists(st.sampled_from([-1e30, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3e30]), min_size=6,
                 max_size=6),
        min_size=1, max_size=5,
    ),
    st.integers(1, 7),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_ranking_is_stable_sorting(values: list[list[float]], k: int) -> None:
    layers = Layers(("six",), (6,))
    expected = [sorted(range(6), key=lambda j: (-row[j], j))[:k] for row in values]
    assert most_active(batch(values, layers), k)[0].tolist() == expected
