import numpy as np

from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


def test_scores_are_negative_traces():
    assert score("white_box_trace", Evidence({"trace": np.array([[0.5, 2.0]])})).tolist() == [
        -0.5,
        -2.0,
    ]
