import numpy as np

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


def test_of_a_margin_it_is_that_of_two_classes():
    evidence = Evidence({"phi": np.array([[0.0, 2.0, -1.0]])})
    expected = [-slow.mentr([slow.p(x), 1 - slow.p(x)], 0) for x in (0, 2, -1)]
    np.testing.assert_allclose(score("mentr", evidence), expected)


def test_the_whole_prediction_is_preferred_to_the_margin():
    evidence = Evidence({"phi": np.zeros((1, 3)), "mentr": np.array([[0.1, 0.2, 0.3]])})
    assert score("mentr", evidence).tolist() == [-0.1, -0.2, -0.3]
