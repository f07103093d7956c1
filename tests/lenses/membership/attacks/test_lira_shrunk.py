import numpy as np

from imprint.lenses.membership.attack_kit.shrinkage import predictive
from tests.lenses.membership.attack_cases import score, simulate


def test_scores_are_log_ratios_of_the_predictives():
    evidence, _ = simulate(2, target=3)
    outside, inside = predictive(*evidence.references.moments("phi"))
    ratio = inside.log_density(evidence.target["phi"]) - outside.log_density(evidence.target["phi"])
    np.testing.assert_allclose(score("lira_shrunk", evidence), ratio.mean(axis=0))


def test_with_many_models_it_orders_records_as_lira_does():
    evidence, _ = simulate(4, models=400, records=60, augmentations=1)
    shrunk, own = score("lira_shrunk", evidence), score("lira", evidence)
    assert np.corrcoef(np.argsort(np.argsort(shrunk)), np.argsort(np.argsort(own)))[0, 1] > 0.99
