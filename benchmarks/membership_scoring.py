"""Seconds to score records by RMIA and LiRA, against the forms that are written first.

    OMP_NUM_THREADS=1 python benchmarks/membership_scoring.py

One target, 64 reference models, 20,000 records, 5,000 population records, one augmentation, one
thread; the best of several runs, from signals to scores, nothing kept between runs. RMIA is
compared with the matrix of records × population, LiRA with a loop over records. Exit code 1 when
scores differ, or when RMIA takes 50 ms or LiRA 100 ms.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.run import attack_cohort
from imprint.lenses.membership.attacks.rmia import RmiaOptions
from imprint.lenses.membership.cohort.references import Cohort, References, probability

LIMITS = {"rmia": 0.050, "lira": 0.100}


def main() -> None:
    """Time, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--models", type=int, default=64)
    parser.add_argument("--population", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cohort", action="store_true", help="also attack every model")
    options = parser.parse_args()
    cohort, target, population = simulated(options.records, options.models, options.population)

    def fast(name: str) -> np.ndarray:
        fresh = Cohort(cohort.signals, cohort.members, cohort.population)
        evidence = Evidence({"phi": target}, References(fresh), {"phi": population})
        return ATTACKS.get(name).score(evidence, {})

    print(f"{options.records} records, {options.models} models, {options.population} population")
    print(f"{'attack':<16}{'here, ms':>12}{'plain, ms':>12}{'ratio':>8}{'largest difference':>22}")
    failed = False
    plain_forms = {
        "rmia": lambda: plain_rmia(cohort, target, population),
        "lira": lambda: plain_lira(cohort, target),
    }
    for name in ("rmia", "lira", "lira_fixed", "lira_shrunk", "base", "watson", "multi"):
        seconds, scores = best(lambda name=name: fast(name), options.repeats)
        line = f"{name:<16}{1e3 * seconds:>12.1f}"
        if name in plain_forms:
            slow, expected = best(plain_forms[name], 1)
            difference = float(np.abs(scores - expected).max())
            line += f"{1e3 * slow:>12.0f}{slow / seconds:>8.0f}{difference:>22.1e}"
            failed |= difference > 1e-9 * max(1.0, float(np.abs(expected).max()))
            failed |= seconds >= LIMITS[name]
        print(line, flush=True)
    if options.cohort:
        for name in ("lira_shrunk", "rmia"):
            attack = ATTACKS.get(name)
            seconds, _ = best(lambda attack=attack: attack_cohort(cohort, [attack]), 1)
            print(f"{name}, every one of {options.models} models as target: {seconds:.2f} s")
    sys.exit(int(failed))


def simulated(records: int, models: int, population: int) -> tuple[Cohort, np.ndarray, np.ndarray]:
    """Return a cohort, its target ``[1, N]`` and the target's population ``[1, Q]``."""
    random = generator(0, "membership scoring")
    place, where = random.normal(2, 3, size=records), random.normal(2, 3, size=population)
    members = random.random((models, records)) < 0.5
    phi = random.normal(size=(models, 1, records)) + place + members[:, None]
    target = random.normal(size=(1, records)) + place + (random.random(records) < 0.5)
    others = random.normal(size=(models, 1, population)) + where
    cohort = Cohort({"phi": phi}, members, {"phi": others})
    return cohort, target, random.normal(size=(1, population)) + where


def best(work: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Return the least time of several runs, and what the last returned."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def plain_rmia(cohort: Cohort, target: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Return RMIA scores by the matrix of ratios, in blocks of records that fit into memory."""
    ratio = probability(target[0]) / probability(cohort.signals["phi"][:, 0]).mean(axis=0)
    others = probability(population[0]) / probability(cohort.population["phi"][:, 0]).mean(axis=0)
    gamma = RmiaOptions().gamma
    blocks = [
        (ratio[start : start + 2000, None] / others > gamma).mean(axis=1)
        for start in range(0, len(ratio), 2000)
    ]
    return np.concatenate(blocks)


def plain_lira(cohort: Cohort, target: np.ndarray) -> np.ndarray:
    """Return LiRA scores, one record after the other."""
    from scipy.stats import norm

    phi = cohort.signals["phi"][:, 0]
    scores = np.empty(phi.shape[1])
    for record, value in enumerate(target[0]):
        inside = phi[cohort.members[:, record], record]
        outside = phi[~cohort.members[:, record], record]
        scores[record] = norm.logpdf(value, inside.mean(), inside.std()) - norm.logpdf(
            value, outside.mean(), outside.std()
        )
    return scores


if __name__ == "__main__":
    main()
