"""Files of signals for tests of attacks on arrays."""

import numpy as np

MODELS, AUGMENTATIONS, RECORDS, POPULATION = 8, 2, 300, 120


def arrays(seed=0, gap=1.5):
    random = np.random.default_rng(seed)
    place, where = random.normal(0, 2, size=RECORDS), random.normal(0, 2, size=POPULATION)
    members = random.random((MODELS, RECORDS)) < 0.5
    inside = random.random(RECORDS) < 0.5
    noise = random.normal(size=(MODELS + 1, AUGMENTATIONS, RECORDS))
    population = random.normal(size=(MODELS + 1, AUGMENTATIONS, POPULATION)) + where
    return {
        "signals": (noise[1:] + place + gap * members[:, None]).astype(np.float32),
        "members": members,
        "target": (noise[0] + place + gap * inside).astype(np.float32),
        "target_members": inside,
        "population": population[0].astype(np.float32),
        "population_signals": population[1:].astype(np.float32),
    }
