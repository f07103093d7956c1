"""How often the pooled interval over training seeds contains the true score, in simulation.

Seeds and images are crossed. An image is memorized under a seed where its own latent value, a shift
of the seed that all images of both sides share, and noise of the two together exceed a threshold;
of the others, one in ten is forgotten. The true score is the mean over all seeds and images, known
in closed form. The seed variance is set so that its part of the variance of the pooled score is a
multiple of the part of the images. Beside the interval that is printed stands the one with
Satterthwaite's degrees of freedom, and that of the first seed alone, over images, which ignores
that there are seeds.

    python benchmarks/pooled_seeds.py [--trials 500]
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.special import ndtr, stdtrit

from imprint.core.arrays import FloatArray
from imprint.lenses.dejavu.memorization.outcomes import Outcomes
from imprint.lenses.dejavu.memorization.pool import SeedOutcomes, pool_seeds

IMAGES = 150
"""Of each side."""
THRESHOLD, PAIR_SD, FORGOTTEN = 0.5, 0.5, 0.1
"""Of the latent values, whose standard deviation over images is 1."""
DRAWS = 200


def score_of(memorized: float | FloatArray) -> float | FloatArray:
    """Return the score of a share of memorized images; of the others a share is forgotten."""
    return memorized - FORGOTTEN * (1 - memorized)


def true_score(seed_sd: float) -> float:
    """Return the mean score over all seeds and images."""
    scale = math.sqrt(1 + PAIR_SD**2 + seed_sd**2)
    return float(score_of(float(ndtr(-THRESHOLD / scale))))


def seed_sd_for(ratio: float, seeds: int) -> float:
    """Return the latent spread of seeds whose part of the variance is a multiple of the images'."""
    random = np.random.default_rng(0)
    by_image = score_of(ndtr((random.normal(size=200_000) - THRESHOLD) / PAIR_SD))
    wanted = ratio * seeds * float(np.var(by_image)) / (2 * IMAGES)
    shifts, low, high = random.normal(size=20_000), 0.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        scale = math.sqrt(1 + PAIR_SD**2)
        reached = float(np.var(score_of(ndtr((middle * shifts - THRESHOLD) / scale))))
        low, high = (middle, high) if reached < wanted else (low, middle)
    return high if ratio else 0.0


def simulate(random: np.random.Generator, seeds: int, seed_sd: float) -> list[SeedOutcomes]:
    """Return what pairs of models make of the images."""
    own = random.normal(size=(2, IMAGES))
    pairs = []
    for number, shift in enumerate(random.normal(0, seed_sd, seeds)):
        sides = []
        for name, image in zip("AB", own, strict=True):
            kinds = np.zeros((IMAGES, 4), dtype=bool)
            kinds[:, 1] = image + shift + PAIR_SD * random.normal(size=IMAGES) > THRESHOLD
            kinds[:, 2] = ~kinds[:, 1] & (random.random(IMAGES) < FORGOTTEN)
            kinds[:, 3] = ~kinds.any(axis=1)
            confidence = random.normal(size=(2, IMAGES))
            sides.append(Outcomes(name, np.arange(IMAGES), kinds, *confidence))
        pairs.append(SeedOutcomes(str(number), tuple(sides)))
    return pairs


def satterthwaite(scores: list[float], image_sd: float) -> float:
    """Return half the width of the interval with Satterthwaite's degrees of freedom."""
    seeds = len(scores)
    between, within = np.var(scores, ddof=1) / seeds, image_sd**2
    total = between + within
    parts = between**2 / (seeds - 1) + within**2 / (2 * IMAGES - 2)
    return float(stdtrit(total**2 / max(parts, 1e-300), 0.975) * math.sqrt(total))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    trials = parser.parse_args().trials
    print(f"{trials} trials, 2 × {IMAGES} images, nominal 95 %")
    print("seeds  seed : image variance  pooled  ± s.e.  width  Satterthwaite  first seed alone")
    for seeds in (2, 3, 5):
        for ratio in (0.0, 0.3, 1.0, 3.0, 10.0):
            random = np.random.default_rng([seeds, round(10 * ratio)])
            seed_sd = seed_sd_for(ratio, seeds)
            score = true_score(seed_sd)
            hits, widths = np.zeros(3), 0.0
            for trial in range(trials):
                pairs = simulate(random, seeds, seed_sd)
                findings = pool_seeds(pairs, (100,), trial, draws=DRAWS)
                pooled, spread = findings.test["100"].score, findings.spread["100"]
                scores = [each.scores["100"] for each in findings.seeds]
                first = scores[0]
                reach = satterthwaite([each.value for each in scores], spread.image_sd)
                hits += [
                    pooled.low <= score <= pooled.high,
                    abs(pooled.value - score) <= reach,
                    first.low <= score <= first.high,
                ]
                widths += pooled.high - pooled.low
            shares = hits / trials
            error = math.sqrt(shares[0] * (1 - shares[0]) / trials)
            print(
                f"{seeds:5d}  {ratio:21.1f}  {shares[0]:6.1%}  {error:6.1%}  "
                f"{100 * widths / trials:5.1f}  {shares[1]:13.1%}  {shares[2]:16.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
