import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.offline_slope import slope_of_references, tune_slope
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import score, simulate


@pytest.mark.parametrize("target", [None, 3])
def test_it_is_offline_rmia_with_the_slope_of_the_references(target):
    evidence, _ = simulate(5, records=200, target=target)
    np.testing.assert_array_equal(
        score("rmia_tuned", evidence),
        score("rmia", evidence, offline=True, slope=tune_slope(evidence)),
    )


def test_the_estimated_slope_is_used_on_request():
    evidence, _ = simulate(5, records=200)
    np.testing.assert_array_equal(
        score("rmia_tuned", evidence, slope="estimated"),
        score("rmia", evidence, offline=True, slope=slope_of_references(evidence.reference_models)),
    )


def test_one_reference_leaves_the_default_slope():
    evidence, _ = simulate(6)
    cohort = evidence.references.cohort
    one = Cohort(
        {"phi": cohort.signals["phi"][:1]},
        cohort.members[:1],
        {"phi": cohort.population["phi"][:1]},
    )
    alone = Evidence(evidence.target, References(one), evidence.population)
    np.testing.assert_array_equal(score("rmia_tuned", alone), score("rmia", alone, offline=True))
