import numpy as np

from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import score, simulate


def test_with_one_column_it_is_lira_shrunk():
    evidence, _ = simulate(2, augmentations=1)
    cohort = evidence.references.cohort
    alone = Evidence(
        {"phi": evidence.target["phi"]},
        References(Cohort({"phi": cohort.signals["phi"]}, cohort.members)),
    )
    np.testing.assert_allclose(score("multi", alone), score("lira_shrunk", alone), atol=1e-4)
