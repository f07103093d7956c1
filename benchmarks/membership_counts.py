"""What the counts of a balanced cohort do to LiRA, and what the choices against it give.

A cohort of K models, each record in exactly half of them; model 0 is the target. Its LiRA (online,
own variances) is computed by all other models, with a random partner of the opposite side taken
out of each record (what imprint does), by the released formula of Carlini et al. 2022 (medians,
each side cut to the least count of any record), and averaged over every possible partner. Margins
are normal: spread out ~ U(.5, 1.5), spread in .6 of it, gap ~ gamma(1.5, .6); without a gap for a
target that knows nothing, whose AUC must be one half.

    python benchmarks/membership_counts.py [--seeds 60] [--records 1500]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.attacks.lira import lira
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import auc

MODELS = (4, 8, 16, 64)


def simulate(models: int, records: int, gap: bool, random: np.random.Generator) -> Cohort:
    """Return a balanced cohort of margins, float64 ``[models, 1, records]``."""
    masks = np.argsort(random.random((models, records)), axis=0) < models // 2
    spread, place = random.uniform(0.5, 1.5, records), random.normal(0, 2, records)
    moved = random.gamma(1.5, 0.6, records) if gap else np.zeros(records)
    inside = 0.6 * spread if gap else spread
    noise = random.normal(size=(models, records)) * np.where(masks, inside, spread)
    return Cohort({"phi": (place + masks * moved + noise)[:, None]}, masks)


def all_others(cohort: Cohort) -> FloatArray:
    """Judge the target by every other model, whatever the counts tell."""
    others = cohort.rows(np.arange(1, len(cohort)))
    evidence = Evidence({"phi": cohort.signals["phi"][0]}, References(others))
    return lira(evidence, "phi")


def partner_out(cohort: Cohort) -> FloatArray:
    """Judge the target as imprint does, a random partner taken out of each record."""
    return lira(cohort_target(cohort, 0), "phi")


def release(cohort: Cohort) -> FloatArray:
    """Judge the target by the released formula."""
    values, masks = cohort.signals["phi"][1:, 0], cohort.members[1:]
    logs = []
    for side in (~masks, masks):
        least = side.sum(axis=0).min()
        used = side & (np.cumsum(side, axis=0) <= least)
        held = np.where(used, values, np.nan)
        spread = np.nanstd(held, axis=0) + 1e-30
        logs.append(norm.logpdf(cohort.signals["phi"][0, 0], np.nanmedian(held, axis=0), spread))
    return np.asarray(logs[1] - logs[0])


def every_partner(cohort: Cohort) -> FloatArray:
    """Average over all partners that could be taken out."""
    target, total = cohort.members[0], np.zeros(cohort.members.shape[1])
    chosen = np.zeros(len(total))
    for model in range(1, len(cohort)):
        opposite = cohort.members[model] != target
        partners = np.where(opposite, model, np.argmax(cohort.members != target, axis=0))
        changed = cohort.rows(np.arange(len(cohort)))
        changed.partners = np.broadcast_to(partners, cohort.members.shape)
        total += opposite * lira(cohort_target(changed, 0), "phi")
        chosen += opposite
    return np.asarray(total / chosen)


CHOICES: dict[str, Callable[[Cohort], FloatArray]] = {
    "all others": all_others,
    "a partner out": partner_out,
    "release": release,
    "every partner": every_partner,
}


def main() -> None:
    """Print mean AUC and its standard error over seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--records", type=int, default=1500)
    asked = parser.parse_args()
    for models in MODELS:
        for name, choice in CHOICES.items():
            if models == 4 and name in ("a partner out", "every partner"):
                print(f"K = {models:<3} {name:<14} one model is left a side: no variance")
                continue
            line = [f"K = {models:<3} {name:<14}"]
            for gap in (False, True):
                areas = []
                for seed in range(asked.seeds):
                    cohort = simulate(models, asked.records, gap, np.random.default_rng(seed))
                    scores, inside = choice(cohort), cohort.members[0]
                    areas.append(auc(scores[inside], scores[~inside]).value)
                error = np.std(areas, ddof=1) / np.sqrt(len(areas))
                line.append(f"{'gap' if gap else 'null'} {np.mean(areas):.4f} ± {error:.4f}")
            print("   ".join(line), flush=True)


if __name__ == "__main__":
    main()
