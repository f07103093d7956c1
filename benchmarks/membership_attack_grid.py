"""Every attack beside every other: a grid of simulated cohorts, and real cohorts.

    python benchmarks/membership_attack_grid.py [--seeds 8] [--cohorts cohorts] [--targets 16]

Simulated: 36 cells of 4, 8, 16 or 64 references of 6,000 records, each in half of them; spread
outside U(.5, 1.5), inside that times 1, .6 or 1.5; gaps gamma(1.5, .6), constant 1, or 4 for a
tenth of the records and .2 for the rest; the target apart, a fair coin a record. One line a cell:
AUC and TPR at 1 % FPR, means and standard errors over seeds, the best other attack by AUC, and by
how much ``stacked`` is above it, paired by seed.

Real: margins that ``benchmarks/membership_attack_cohorts.py`` wrote, 33 pairs of models. A target
is attacked with 4, 8, 16 or 64 references, drawn as whole pairs from the others, so that every
record is in half of them; means and standard errors over targets. All targets share their
records, which the errors do not allow for. Attacks that need other signals than margins, or
population records, are left out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import area

REFERENCES = (4, 8, 16, 64)
SPREAD_RATIOS = (1.0, 0.6, 1.5)
GAPS = ("gamma", "constant", "tail")
FPR = 0.01
JUDGED = "stacked"
OFFLINE = ("stacked", "rmia", "base")
"""Attacks that are also run with OUT models alone; they compete in a table of their own."""

Trial = tuple[Evidence, BoolArray]
Results = dict[str, list[tuple[float, float]]]


def simulate(count: int, ratio: float, gap: str, seed: int, records: int) -> Trial:
    """Return a target with so many references, and its members."""
    random = np.random.default_rng(seed)
    gaps = {
        "gamma": random.gamma(1.5, 0.6, records),
        "constant": np.ones(records),
        "tail": np.where(random.random(records) < 0.1, 4.0, 0.2),
    }[gap]
    place, spread = random.normal(0, 1.5, records), random.uniform(0.5, 1.5, records)
    masks = np.argsort(random.random((count, records)), axis=0) < count // 2
    masks = np.vstack([masks, random.random((1, records)) < 0.5])
    noise = np.where(masks, ratio * spread, spread) * random.normal(size=masks.shape)
    phi = (place + gaps * masks + noise)[:, None]
    references = References(Cohort({"phi": phi[:-1]}, masks[:-1]))
    return Evidence({"phi": phi[-1]}, references), masks[-1]


def targets_of(file: Path, count: int, targets: int) -> Iterator[Trial]:
    """Yield targets of a real cohort, each with so many references."""
    with np.load(file) as arrays:
        phi, members = arrays["phi"][:, None], arrays["members"]
    random = np.random.default_rng(0)
    for target in random.permutation(len(phi))[:targets]:
        pairs = random.permutation(np.delete(np.arange(len(phi) // 2), target // 2))[: count // 2]
        rows = np.sort(np.concatenate([2 * pairs, 2 * pairs + 1]))
        references = References(Cohort({"phi": phi[rows]}, members[rows]))
        yield Evidence({"phi": phi[target]}, references), members[target]


def measure(trial: Trial, names: Sequence[str], into: Results) -> None:
    """Add AUC and TPR of every attack that can be run."""
    evidence, members = trial
    for name in names:
        attack = ATTACKS.get(name)
        if attack.missing(evidence) is not None:
            continue
        try:
            into[name].append(judge(attack.score(evidence), members))
            if name in OFFLINE and attack.Options is not None:
                scores = attack.score(evidence, {name: attack.Options(offline=True)})
                into[f"{name} offline"].append(judge(scores, members))
        except ImprintError as error:
            print(f"    {name}: {error}")


def judge(scores: FloatArray, members: BoolArray) -> tuple[float, float]:
    """Return AUC and TPR at 1 % FPR."""
    hit, miss = scores[members], np.sort(scores[~members])
    threshold = miss[len(miss) - 1 - int(FPR * len(miss) * (1 + 1e-12))]
    return float(area(hit, miss)), float(np.mean(hit > threshold))


def mean_and_error(values: FloatArray) -> str:
    """Return ``.700 ± .002``."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {error:.3f}".replace("0.", ".")


def summarise(title: str, results: Results, whole: bool) -> None:
    """Print the attack judged, the best other one by AUC and by TPR, and what lies between."""
    columns = {name: np.array(values) for name, values in results.items()}
    own = columns[JUDGED]
    line = [title, *(mean_and_error(own[:, place]) for place in (0, 1))]
    for place in (0, 1):
        others = {
            name: values
            for name, values in columns.items()
            if name != JUDGED and not name.endswith("offline")
        }
        best = max(others, key=lambda name: others[name][:, place].mean())
        line.append(f"{best} {mean_and_error(others[best][:, place])}")
        line.append(f"{mean_and_error(own[:, place] - others[best][:, place])}")
    print("| " + " | ".join(line) + " |", flush=True)
    if whole:
        for name in sorted(columns, key=lambda name: -columns[name][:, 0].mean()):
            values = columns[name]
            print(
                f"    {name:<20}{mean_and_error(values[:, 0])}   {mean_and_error(values[:, 1])}",
                flush=True,
            )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--records", type=int, default=6000)
    parser.add_argument("--cohorts", type=Path, help="what membership_attack_cohorts.py wrote")
    parser.add_argument("--targets", type=int, default=16)
    parser.add_argument("--references", type=int, nargs="+", default=list(REFERENCES))
    parser.add_argument("--attacks", nargs="+", default=ATTACKS.names())
    asked = parser.parse_args()
    print("| cell | AUC | TPR | best other AUC | difference | best other TPR | difference |")
    for count in asked.references if asked.seeds else ():
        for ratio in SPREAD_RATIOS:
            for gap in GAPS:
                results: Results = defaultdict(list)
                for seed in range(asked.seeds):
                    trial = simulate(count, ratio, gap, seed, asked.records)
                    measure(trial, asked.attacks, results)
                summarise(f"K = {count}, {ratio:g}, {gap}", results, whole=False)
    for file in sorted(asked.cohorts.glob("*.npz")) if asked.cohorts else ():
        for count in asked.references:
            results = defaultdict(list)
            for trial in targets_of(file, count, asked.targets):
                measure(trial, asked.attacks, results)
            summarise(f"{file.stem}, K = {count}", results, whole=True)


if __name__ == "__main__":
    main()
