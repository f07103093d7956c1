"""The one-model test: a model that saw the image against what its background gives away.

A model that somebody else trained has no twin. In the twin's place stands a reference g, a
classifier from background crop to class that was never trained on the crop (see
:mod:`imprint.lenses.dejavu.memorization.references`). With the votes of the model's neighbours on
one side and those of g on the other, everything else is the two-model test in one direction:

    déjà vu(p) = accuracy of the model − accuracy of g, on the p % that each is most confident of
    mem(x) = H_g(x) − H_knn(x) in nats, from −ln k to ln C

Categories and strength of single images, cuts, ties and intervals are those of
:mod:`imprint.lenses.dejavu.memorization.two_model`.

A g that is weaker than a model trained on such data makes memory out of correlation, a stronger
one the reverse. So the score is taken against the most accurate of several references, a claim
about a single image needs that none of them explains it, and where images are at hand that the
model never saw, the same test on them must come out at 0: what it finds there is the bias.

Kokhlikyan, Jayaraman, Bordes, Guo, Chaudhuri, "Measuring déjà vu memorization efficiently",
NeurIPS 2024 (arXiv 2504.05651), whose g is trained once, on other images than it is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Any

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.dejavu.memorization.agreement import agreement
from imprint.lenses.dejavu.memorization.calibration import Calibrated, calibrate
from imprint.lenses.dejavu.memorization.references import combine, reference_votes, strictest
from imprint.lenses.dejavu.memorization.two_model import (
    CATEGORIES,
    Side,
    categories,
    memorization_strength,
    plain_findings,
    significance,
    two_model,
)
from imprint.lenses.dejavu.memorization.votes import Votes
from imprint.stats import (
    Estimate,
    bootstrap_means,
    percentile_interval,
    proportion,
    widen_rare_difference,
)
from imprint.stats.bootstrap import DRAWS

COMBINED, STRICTEST = "combined", "strictest"
PUBLISHED_BINS = 12
UNRANKED = -1


@dataclass(frozen=True)
class OneModel:
    """The attacked images under the model and under every reference.

    Attributes:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``, true classes.
        model: votes of the neighbours under the model.
        references: votes of every reference by name; ``combined`` last where there are several.
        strictest: the maximum of all references.
        name: of the set of images.
    """

    index: IntArray
    labels: IntArray
    model: Votes
    references: Mapping[str, Votes]
    strictest: Votes
    name: str = "seen"

    def side(self, name: str) -> Side:
        """Return the two-model side with a reference, or ``strictest``, in the twin's place."""
        votes = self.strictest if name == STRICTEST else self.references[name]
        return Side(self.name, self.index, self.labels, self.model, votes)

    @property
    def names(self) -> tuple[str, ...]:
        """The references, then ``strictest``."""
        return (*self.references, STRICTEST)

    def best(self, top: int = 1) -> str:
        """Return the reference that is right most often; of equal ones the first."""
        right = [votes.hits(self.labels, top).sum() for votes in self.references.values()]
        return tuple(self.references)[int(np.argmax(right))]

    def rows(self, rows: BoolArray, name: str) -> OneModel:
        """Return the test of some of the images under a name of their own."""
        return OneModel(
            self.index[rows],
            self.labels[rows],
            self.model.rows(rows),
            {name: votes.rows(rows) for name, votes in self.references.items()},
            self.strictest.rows(rows),
            name,
        )


def calibrated_references(
    references: Mapping[str, FloatArray], labels: IntArray, scaled: bool = True
) -> dict[str, Calibrated]:
    """Return every reference calibrated; of several also ``combined``, calibrated in its turn.

    Args:
        references: log-probabilities ``[n, C]`` by name, of crops they were not trained on.
        labels: int64 ``[n]``, true classes.
        scaled: take the references under their temperatures; else all of them, and what
            ``combined`` is made of, stay as they come, and temperatures are told alone.

    Raises:
        ImprintError: no reference, one that is called as these are, or shapes that do not fit.
    """
    if not references:
        raise ImprintError("the one-model test needs a reference: name at least one")
    taken = {COMBINED, STRICTEST} & references.keys()
    if taken:
        raise ImprintError(f"a reference cannot be called {min(taken)}: choose another name")
    found = {name: _calibrated(rows, labels, scaled) for name, rows in references.items()}
    if len(found) > 1:
        mean = combine([each.log_probabilities for each in found.values()])
        found[COMBINED] = _calibrated(mean, labels, scaled)
    return found


def _calibrated(rows: FloatArray, labels: IntArray, scaled: bool) -> Calibrated:
    found = calibrate(rows, labels)
    return found if scaled else replace(found, log_probabilities=rows)


def judge(
    index: IntArray,
    labels: IntArray,
    model: Votes,
    references: Mapping[str, FloatArray],
) -> OneModel:
    """Return the test of a model against references.

    Args:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``.
        model: votes of the neighbours under the model.
        references: calibrated log-probabilities ``[n, C]`` by name.

    Raises:
        ImprintError: lengths that differ, or no image.
    """
    depth = model.ranked.shape[1]
    votes = {name: reference_votes(rows, depth) for name, rows in references.items()}
    for name, each in votes.items():
        Side(f"subject against {name}", index, labels, model, each)
    return OneModel(index, labels, model, votes, strictest(list(votes.values()), labels))


def one_model(
    test: OneModel,
    confidences: Sequence[float] = (100, 20),
    top: int = 1,
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Return what the test finds, as JSON values.

    Args:
        test: the votes.
        confidences: percentages p in (0, 100].
        top: a guess is right when the label is among this many classes.
        seed: of the bootstrap.
        draws: bootstrap resamples.

    Returns:
        ``best``, the reference to read; ``against`` with, for each reference and ``strictest``,
        ``test`` (as of the two-model test), ``significance`` and ``memorization`` (histograms of
        mem over memorized images); ``agreement`` of the references; and ``explained``, the share
        of images that every reference gets right.
    """
    alone = {name: votes for name, votes in test.references.items() if name != COMBINED}
    return {
        "best": test.best(top),
        "against": {
            name: {
                "test": plain_findings(two_model([test.side(name)], confidences, top, seed, draws)),
                "significance": significance([test.side(name)], top),
                "memorization": memorization(test.side(name), top),
            }
            for name in test.names
        },
        "agreement": agreement(alone, test.labels, top, seed),
        "explained": proportion(int(explained(test, top).sum()), len(test.labels)).to_dict(),
    }


def excess(seen: Side, unseen: Side, top: int = 1, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Return the score on images the model saw less the score on images it never saw.

    What makes the reference stronger or weaker than a twin of the model would be does so on both,
    and falls out.

    Args:
        seen: the model against a reference on images it was trained on.
        unseen: the same on images of the same kind that it was not.
        top: as in the test.
        seed: of the bootstrap.
        draws: resamples of either set.
    """
    (one, (low_1, high_1)), (other, (low_2, high_2)) = (
        _gain(side, top, generator(seed, "one-model excess", side.name), draws)
        for side in (seen, unseen)
    )
    value = one - other
    # Independent sets: distances to the limits add in squares (Zou and Donner 2008).
    low, high = (
        value - hypot(one - low_1, high_2 - other),
        value + hypot(high_1 - one, other - low_2),
    )
    return Estimate(value, (low, high), len(seen.index) + len(unseen.index))


def _gain(
    side: Side, top: int, random: np.random.Generator, draws: int
) -> tuple[float, tuple[float, float]]:
    """Return memorized minus forgotten, and its interval over images."""
    kinds = categories(side, top).astype(np.float64)
    memorized, forgotten = (kinds[:, CATEGORIES.index(name)] for name in ("memorized", "forgotten"))
    count = len(side.index)
    drawn = bootstrap_means((memorized - forgotten)[:, None], random, draws)[:, 0]
    interval = widen_rare_difference(
        percentile_interval(drawn, count=count),
        float(memorized.mean()),
        float(forgotten.mean()),
        (count, count),
    )
    return float((memorized - forgotten).mean()), interval


def memorization(side: Side, top: int = 1) -> dict[str, Any]:
    """Return the mean and histograms of mem over memorized images.

    Returns:
        ``n``; ``mean``; ``published``, 12 bins from least to largest; ``bins``, as wide as the
        rule of Freedman and Diaconis says, but no more of them than images; or
        ``{"missing": reason}`` without such images.
    """
    values = memorization_strength(side)[categories(side, top)[:, CATEGORIES.index("memorized")]]
    if not len(values):
        return {"missing": "no image is memorized"}
    return {
        "n": len(values),
        "mean": float(values.mean()),
        "published": _histogram(values, np.histogram_bin_edges(values, PUBLISHED_BINS)),
        "bins": _histogram(values, _freedman_diaconis(values)),
    }


def _freedman_diaconis(values: FloatArray) -> FloatArray:
    """Return edges of bins 2 IQR / n^⅓ wide.

    Values that agree but for a few would be given millions of bins: five of them, four within
    1e-9, took 4 GB. There are never more than values.
    """
    low, high = np.quantile(values, (0.25, 0.75))
    width = 2 * (high - low) / len(values) ** (1 / 3)
    count = np.ceil(np.ptp(values) / width) if width > 0 else 1
    return np.histogram_bin_edges(values, int(np.clip(count, 1, max(len(values), PUBLISHED_BINS))))


def explained(test: OneModel, top: int = 1) -> BoolArray:
    """Return which images every reference gets right: their label is plain from background.

    The model under test plays no part, so the list serves other models as well. ``combined``,
    which follows from the others, does not count.
    """
    alone = [votes for name, votes in test.references.items() if name != COMBINED]
    return np.asarray(np.all([votes.hits(test.labels, top) for votes in alone], axis=0))


def rank_claims(side: Side, top: int = 1, excluded: BoolArray | None = None) -> IntArray:
    """Return the place of every image in the list of memorized ones, int64 ``[n]``.

    Memorized images by mem, the strongest 0; equal strengths by index. −1 for all others, and for
    those that are ``excluded``: explained by other references, so nothing is claimed of them. The
    population's score keeps them, since leaving out images that some reference gets right would
    take forgotten images and leave memorized ones.

    Args:
        side: the model against a reference.
        top: as in the test.
        excluded: bool ``[n]``.
    """
    claimed = categories(side, top)[:, CATEGORIES.index("memorized")]
    if excluded is not None:
        claimed = claimed & ~excluded
    rows = np.flatnonzero(claimed)
    order = np.lexsort((side.index[rows], -memorization_strength(side)[rows]))
    places = np.full(len(side.index), UNRANKED, dtype=np.int64)
    places[rows[order]] = np.arange(len(rows))
    return places


def correlated_by_class(test: OneModel, classes: int, top: int = 1) -> dict[str, FloatArray]:
    """Return, by reference, the share of each class that model and reference both get right.

    Returns:
        float64 ``[classes]`` by name; NaN without images.
    """
    count = np.bincount(test.labels, minlength=classes)
    shares = {}
    for name in test.names:
        both = categories(test.side(name), top)[:, CATEGORIES.index("correlated")]
        hits = np.bincount(test.labels, both, minlength=classes)
        shares[name] = np.divide(hits, count, out=np.full(classes, np.nan), where=count > 0)
    return shares


def _histogram(values: FloatArray, edges: FloatArray) -> dict[str, Any]:
    counts, _ = np.histogram(values, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
