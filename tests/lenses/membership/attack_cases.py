"""Simulated evidence for tests of attacks: a target, reference models, a population."""

import numpy as np

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References

MODELS, AUGMENTATIONS, RECORDS, POPULATION = 10, 2, 13, 17


def simulate(
    seed, models=MODELS, records=RECORDS, gap=1.0, augmentations=AUGMENTATIONS, target=None
):
    random = np.random.default_rng(seed)
    members = np.argsort(random.random((models, records)), axis=0) < models // 2
    place = random.normal(0, 2, size=records)
    signals = random.normal(size=(models, augmentations, records)) + place + gap * members[:, None]
    inside = random.random(records) < 0.5
    own = random.normal(size=(augmentations, records)) + place + gap * inside
    where = random.normal(0, 2, size=POPULATION if records == RECORDS else records)
    population = random.normal(size=(models + 1, augmentations, len(where))) + where
    both = lambda values: {"phi": values, "log_curvature": values}  # noqa: E731
    cohort = Cohort(with_trajectory(signals), members, both(population[1:]))
    evidence = Evidence(all_kinds(own), References(cohort), both(population[0]))
    if target is not None:
        evidence = Evidence(
            all_kinds(signals[target]), References(cohort, target), both(population[1 + target])
        )
        inside = members[target]
    return evidence, inside


def with_trajectory(values):
    """Return one array as the kinds of signal that references have; losses are not negative."""
    losses = np.logaddexp(0, -values)
    return {"phi": values, "log_curvature": values, "trajectory": losses}


def all_kinds(values):
    """Return one array as every kind of signal; distances and norms are not negative."""
    above, below = np.logaddexp(0, values), np.logaddexp(0, -values)
    return {
        **with_trajectory(values),
        "distance": above,
        "entropy": below,
        "trace": below,
        "parameter_gradient": below,
    }


def score(name, evidence, **options):
    attack = ATTACKS.get(name)
    settings = {name: attack.Options(**options)} if options else {}
    return attack.score(evidence, settings)


def each_record(evidence, form):
    judges = evidence.references
    cohort = judges.cohort
    values = evidence.target["phi"]
    return [
        form(slow.Slow(cohort.signals["phi"], cohort.members, judges.used, values, record))
        for record in range(values.shape[1])
    ]


def assert_scores_follow(name, form, seed, target=None, **options):
    """Compare the scores of an attack with a formula that looks at one record at a time."""
    evidence, _ = simulate(seed, target=target)
    np.testing.assert_allclose(
        score(name, evidence, **options), each_record(evidence, form), rtol=1e-7, atol=1e-10
    )
