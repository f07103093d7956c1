import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from tests.lenses.membership.attack_cases import RECORDS, score, simulate


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 4]))
def test_the_variance_is_the_pooled_one_of_each_side(seed, target):
    evidence, _ = simulate(seed, target=target)
    references = evidence.references
    sides = {True: [], False: []}
    for record in range(RECORDS):
        for side in sides:
            chosen = references.used[:, record] & (references.cohort.members[:, record] == side)
            sides[side].append(references.cohort.signals["phi"][chosen, :, record])
    log = {}
    for side, records in sides.items():
        squares = sum(((models - models.mean(axis=0)) ** 2).sum(axis=0) for models in records)
        spread = np.sqrt(squares / sum(len(models) - 1 for models in records))
        mean = np.array([models.mean(axis=0) for models in records]).T
        log[side] = slow.norm.logpdf(evidence.target["phi"], mean, spread[:, None])
    np.testing.assert_allclose(
        score("lira_fixed", evidence), (log[True] - log[False]).mean(axis=0), rtol=1e-7, atol=1e-10
    )
