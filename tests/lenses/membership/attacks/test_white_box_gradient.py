import numpy as np

from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


def test_the_gradient_on_the_last_layer_is_preferred_to_that_on_the_input():
    norms = {"input_gradient": np.array([[3.0, 4.0]]), "parameter_gradient": np.array([[2.0, 1.0]])}
    assert score("white_box_gradient", Evidence(norms)).tolist() == [-2.0, -1.0]
    del norms["parameter_gradient"]
    assert score("white_box_gradient", Evidence(norms)).tolist() == [-3.0, -4.0]
