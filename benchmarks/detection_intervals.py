"""How often intervals of the quality of detections, and of its drops, hold the truth.

    python benchmarks/detection_intervals.py --simulations 200

Images of one to four objects of three categories, the rarest 10 % of all; in harder images boxes
are missed more often and further off. A second detector, with neurons taken away, sees the same
images worse. The truth is that of 6,000 images.
"""

from __future__ import annotations

import argparse

import numpy as np

from imprint.lenses.coverage.detection.average_precision import PrecisionJudge
from imprint.lenses.coverage.detection.found import (
    METRICS,
    Found,
    Quality,
    measure_quality,
    pad_objects,
)
from imprint.lenses.coverage.detection.resampled import (
    ImageQuality,
    image_quality,
    quality_estimates,
)

CATEGORIES, MOST, FALSE, THRESHOLD = 3, 4, 3, 0.3
SETTINGS = {"mild": (0.9, 0.03), "strong": (0.5, 0.1)}
"""Share of objects that are seen without the neurons, and how far boxes are off then."""


def draw(
    random: np.random.Generator, images: int, setting: str
) -> tuple[list[Found], list[np.ndarray]]:
    """Return detections by the whole detector and without neurons, and the objects."""
    present = np.arange(MOST) < random.integers(1, MOST + 1, images)[:, None]
    corner = random.uniform(0, 0.6, (images, MOST, 2))
    boxes = np.concatenate([corner, corner + random.uniform(0.15, 0.4, corner.shape)], axis=2)
    category = random.choice(CATEGORIES, (images, MOST), p=[0.6, 0.3, 0.1])
    hard = random.random((images, 1))
    owner = np.nonzero(present)[0]
    objects = [owner, boxes[present], category[present], np.zeros(len(owner), bool)]
    luck = random.random((images, MOST))
    seen = []
    for share, off in ((0.97, 0.02), SETTINGS[setting]):
        hit = present & (luck < share * (1 - 0.4 * hard))
        noise = random.normal(0, 1, boxes.shape) * off * (0.5 + hard[..., None])
        scores = np.where(hit, random.beta(6, 2, hit.shape), 0.0)
        places = random.uniform(0, 0.6, (images, FALSE, 2))
        false = np.concatenate([places, places + 0.3], axis=2)
        false_scores = random.beta(1, 4, (images, FALSE))
        classes = random.integers(0, CATEGORIES, (images, FALSE))
        seen.append(
            Found(
                np.concatenate([boxes + noise, false], axis=1),
                np.concatenate([scores, false_scores], axis=1),
                np.concatenate([category, classes], axis=1),
            )
        )
    return seen, objects


def qualities(
    random: np.random.Generator, images: int, setting: str
) -> tuple[list[Quality], list[ImageQuality]]:
    """Return the quality of both detectors on fresh images, and what each image contributes."""
    seen, objects = draw(random, images, setting)
    judge = PrecisionJudge(*objects, images)
    padded = pad_objects(*objects, images)
    values = [measure_quality(each, padded, THRESHOLD, judge.precision(each)) for each in seen]
    single = [image_quality(each, padded, THRESHOLD, judge.matches(each)) for each in seen]
    return values, single


def main() -> None:
    """Simulate and print a row a setting, size and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 100])
    options = parser.parse_args()
    print("| setting | images | measure | quality, % | width | drop, % | width |")
    for place, setting in enumerate(SETTINGS):
        truth, _ = qualities(np.random.default_rng(place), 6000, setting)
        for size in options.sizes:
            random = np.random.default_rng([place, size])
            held = {name: np.zeros((options.simulations, 2)) for name in METRICS}
            width = {name: np.zeros((options.simulations, 2)) for name in METRICS}
            for row in range(options.simulations):
                values, single = qualities(random, size, setting)
                quality, (drop,) = quality_estimates(single[0], single[1:], values, random)
                for name in METRICS:
                    whole, lost = (getattr(each, name) for each in truth)
                    for column, (estimate, value) in enumerate(
                        ((quality[name], whole), (drop[name], whole - lost))
                    ):
                        held[name][row, column] = estimate.low <= value <= estimate.high
                        width[name][row, column] = estimate.high - estimate.low
            for name in METRICS:
                share, wide = held[name].mean(0), width[name].mean(0)
                print(
                    f"| {setting} | {size} | {name} | {share[0]:.1%} | {wide[0]:.3f} | "
                    f"{share[1]:.1%} | {wide[1]:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
