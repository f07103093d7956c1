import numpy as np

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


def test_scores_are_negative_losses():
    evidence = Evidence({"phi": np.array([[0.0, 2.0, -1.0]])})
    np.testing.assert_allclose(score("loss", evidence), [-slow.loss(x) for x in (0, 2, -1)])
