import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ([0.0, 0.3, np.nan, 1.2], [0.0, 0.3, 1.2, 1.2]),
        ([np.nan, np.nan], [0.0, 0.0]),
    ],
)
def test_without_a_boundary_a_record_ties_with_the_farthest(distance, expected):
    evidence = Evidence({"distance": np.array([distance])})
    assert score("label_only", evidence).tolist() == expected
