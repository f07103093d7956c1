"""How long does Naive Bayes on tags take at the size of the published study?

139,000 crops with 5 tags each of 4,585, judged against 1,000 classes; beside it the same by loops
over images, classes and tags, timed on a few images and scaled up. Seconds are of the CPU.

    python benchmarks/naive_bayes_tags.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from imprint.data.tags.annotation import Tags
from imprint.lenses.dejavu.memorization.naive_bayes import NaiveBayes, fit_naive_bayes, tag_counts

LOOPED = 5


def main() -> None:
    """Time fitting and judging."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, default=139_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--tags", type=int, default=5)
    parser.add_argument("--vocabulary", type=int, default=4585)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    tags = _random_tags(arguments.crops, arguments.tags, arguments.vocabulary, random)
    labels = random.integers(0, arguments.classes, arguments.crops)
    start = time.process_time()
    counts = tag_counts(tags, labels, arguments.classes)
    crops = np.bincount(labels, minlength=arguments.classes)
    model = fit_naive_bayes(tags.vocabulary, counts, crops)
    fitted = time.process_time()
    posterior = model.log_posterior(tags)
    judged = time.process_time()
    few = tags.rows(np.arange(LOOPED))
    looped = _by_loops(model, few)
    done = time.process_time()
    np.testing.assert_allclose(posterior[:LOOPED], looped, atol=1e-4)
    print(f"fit:    {fitted - start:7.2f} s")
    print(f"judge:  {judged - fitted:7.2f} s for {arguments.crops:,} crops")
    scaled = (done - judged) * arguments.crops / LOOPED
    print(f"loops:  {scaled:7.0f} s for as many, from {LOOPED} of them")


def _random_tags(count: int, each: int, vocabulary: int, random: np.random.Generator) -> Tags:
    first = random.integers(0, vocabulary, count)
    tags = (first[:, None] + np.arange(each) * (vocabulary // each)) % vocabulary
    words = tuple(f"tag {number}" for number in range(vocabulary))
    offsets = np.arange(0, each * count + 1, each)
    return Tags(words, offsets, tags.ravel(), np.ones(tags.size))


def _by_loops(model: NaiveBayes, tags: Tags) -> np.ndarray:
    number = {word: place for place, word in enumerate(model.vocabulary)}
    rows = []
    for image in range(len(tags)):
        joint = []
        for label in range(len(model.log_prior)):
            total = model.log_prior[label]
            for word, _ in tags.words(image):
                total += model.log_likelihood[number[word], label]
            joint.append(total)
        row = np.array(joint)
        rows.append(row - row.max() - np.log(np.exp(row - row.max()).sum()))
    return np.array(rows)


if __name__ == "__main__":
    main()
