"""Simulated cohorts for tests of attacks and their controls."""

import numpy as np

from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.cohort.references import Cohort, References


def simulated(seed=0, models=8, records=400, gap=1.0, balanced=True):
    random = np.random.default_rng(seed)
    draws = random.random((models, records))
    members = np.argsort(draws, axis=0) < models // 2 if balanced else draws < 0.5
    place = random.normal(0, 2, size=records)
    phi = random.normal(size=(models, 1, records)) + place + gap * members[:, None]
    population = random.normal(size=(models, 1, records)) + random.normal(0, 2, size=records)
    return Cohort({"phi": phi}, members, {"phi": population})


def as_target(cohort, row):
    rest = np.arange(len(cohort)) != row
    others = Cohort(
        {"phi": cohort.signals["phi"][rest]},
        cohort.members[rest],
        {"phi": cohort.population["phi"][rest]},
    )
    return Evidence(
        {"phi": cohort.signals["phi"][row]},
        References(others),
        {"phi": cohort.population["phi"][row]},
    )
