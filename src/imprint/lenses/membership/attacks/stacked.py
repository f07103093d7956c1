"""A likelihood ratio learned on the references: other attacks, weighed by what finds their members.

Every reference model stands in for the target (its members are known), and a logistic regression
learns from all records under all of them; its log odds of membership are the score of the target,
whose own members are never read. Of a record and a (pseudo-)target with signal φ it sees

- the scores of other attacks: ρ, the moderated likelihood ratio (``lira_moderated``); the loss
  below the midpoint of its mean IN and OUT losses (``mast``); log p over the log mean probability
  of the references (``rmia``, ``base``); and φ less its midpoint,
- where they stand: the gap between its IN and OUT means, the log mean probability, the log of its
  moderated spread. These, ρ, log ratio and φ less midpoint are winsorised at their 1st and 99th
  percentile and enter with all their squares and products.

So what a gap or a ratio is worth may depend on how hard a record is and how much its models differ,
a normal likelihood ratio with any spreads inside and outside is a special case, and so is each of
the attacks named. The ridge draws towards equal weights of ``mast`` and ``rmia``, which are the
score where no reference can stand in: four models in a balanced cohort, the target among them.
Without two references on a side of a pseudo-target, what needs a spread is left out.

``offline`` takes OUT models alone in every feature: of a record that no reference was trained on it
needs no other model; the regression learns on records that some were trained on.

At most 50,000 examples of 16 pseudo-targets: O(A·N) for each, and O(10 · 50,000 · 27²). The log
odds are calibrated where members are as frequent among candidates as among references.

Own work; stacking after Wolpert 1992, "Stacked generalization".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.bounds import Checked
from imprint.lenses.membership.attack_kit.attack import DIRECTION, Evidence, attack
from imprint.lenses.membership.attack_kit.logistic_fit import fit_logistic
from imprint.lenses.membership.attack_kit.moderation import moderate
from imprint.lenses.membership.attack_kit.pseudo_targets import collect_examples, pseudo_targets
from imprint.lenses.membership.attack_kit.shrinkage import predictive

MAX_PSEUDO_TARGETS = 16
BLOCK_RECORDS = 1 << 16
"""Records whose products of features are held at a time."""
MAX_EXAMPLES = 50_000
RIDGE = 10.0
"""Weighs as much as 40 examples of even odds."""
TAIL = 0.01
"""Share of the examples beyond each limit of a winsorised feature."""
MIN_SPREAD = 1e-4
"""What varies less than this over the examples, in nats or logits, is taken for rounding."""
LINEAR = ("likelihood", "distance", "mast", "rmia")
CROSSED = ("likelihood", "distance", "rmia", "gap", "log_probability", "log_spread")
PRIOR_WEIGHTS = {"mast": 0.25, "rmia": 0.25}


@dataclass(frozen=True)
class StackedOptions(Checked):
    """Settings of the stacked attack."""

    offline: bool = False
    """Use OUT models alone of every record, as if reference models had been trained before."""


Features = dict[str, FloatArray]
"""By name, float64 ``[n]``."""


@attack("stacked", reads=("phi", "log_curvature"), sides="both", options=StackedOptions)
def stacked(evidence: Evidence, kind: str, options: StackedOptions) -> FloatArray:
    """Return the log odds of membership, float64 ``[N]``."""
    spread = _spread_is_known(evidence)
    own = measure_features(evidence, kind, spread, options.offline)

    def measure(of: Evidence) -> FloatArray:
        return np.stack(list(measure_features(of, kind, spread, options.offline).values()), axis=1)

    examples = collect_examples(evidence, measure, MAX_PSEUDO_TARGETS, MAX_EXAMPLES)
    if examples is None:
        return _learn(own, own, np.zeros(0, dtype=bool))
    learned = dict(zip(own, examples.features.T, strict=True))
    return _learn(own, learned, examples.members)


def measure_features(evidence: Evidence, kind: str, spread: bool, offline: bool) -> Features:
    """Return what the regression sees of every record, means over augmentations.

    Args:
        evidence: of a target or pseudo-target.
        kind: the signal to read.
        spread: whether features that need a variance are among them.
        offline: from OUT models alone.
    """
    values, sign = evidence.target_values(kind), DIRECTION[kind]
    references = evidence.reference_models
    outside, inside = references.moments(kind)
    features = {}
    if offline:
        features["distance"] = sign * (values - outside.mean)
        if spread:
            expected, _ = predictive(outside, outside)
            features["likelihood"] = sign * (values - expected.location) / expected.scale
            features["log_spread"] = np.log(expected.scale)
    else:
        features["distance"] = sign * (values - (outside.mean + inside.mean) / 2)
        features["gap"] = sign * (inside.mean - outside.mean)
        if spread:
            sides = moderate(outside, inside)
            features["likelihood"] = sides[1].log_density(values) - sides[0].log_density(values)
            features["log_spread"] = np.log(sides[0].variance + sides[1].variance) / 2
    if kind == "phi":
        probability = np.log(references.mean_probability(only_out=offline))
        features["log_probability"] = probability
        features["rmia"] = -np.logaddexp(0.0, -values) - probability
        without, within = references.moments("loss")
        midpoint = without.mean if offline else (without.mean + within.mean) / 2
        features["mast"] = midpoint - evidence.target_values("loss")
    return {name: np.asarray(feature.mean(axis=0)) for name, feature in features.items()}


def _spread_is_known(evidence: Evidence) -> bool:
    """Return whether the target and its pseudo-targets have two references on a side."""
    pseudo = next(pseudo_targets(evidence, most=1), None)
    every = [evidence] if pseudo is None else [evidence, pseudo.evidence]
    return all(max(map(np.max, each.reference_models.counts)) >= 2 for each in every)


def _learn(own: Features, learned: Features, members: BoolArray) -> FloatArray:
    """Return the log odds of float64 features, from examples and their membership, maybe none."""
    limits = {name: np.quantile(values, [TAIL, 1 - TAIL]) for name, values in learned.items()}
    rows = _expand(learned, limits)
    centre, deviation = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(deviation > MIN_SPREAD, 1 / np.maximum(deviation, MIN_SPREAD), 0.0)
    linear = [name for name in LINEAR if name in own]
    prior = np.zeros(rows.shape[1])
    prior[: len(linear)] = [PRIOR_WEIGHTS.get(name, 0.0) for name in linear]
    model = fit_logistic((rows[: len(members)] - centre) * scale, members, RIDGE, prior)
    records = len(next(iter(own.values())))
    log_odds = np.empty(records)
    for start in range(0, records, BLOCK_RECORDS):
        part = slice(start, start + BLOCK_RECORDS)
        block = {name: values[part] for name, values in own.items()}
        log_odds[part] = model.log_odds((_expand(block, limits) - centre) * scale)
    return log_odds


def _expand(features: Features, limits: dict[str, FloatArray]) -> FloatArray:
    """Return linear, then winsorised features, then their products, float64 ``[n, F]``."""
    cut = [
        (np.clip(features[name], *limits[name]) - limits[name].mean())
        for name in CROSSED
        if name in features
    ]
    products = [first * second for first, second in combinations_with_replacement(cut, 2)]
    linear = [features[name] for name in LINEAR if name in features]
    return np.stack([*linear, *cut, *products], axis=1)
