"""WISDOM: the neurons that several attributions agree on, weighed by the loss without them.

Torch4DeepImportance votes with eight attributions, two of which are the same (DeepLIFT, and
DeepLIFT-SHAP from equal baselines) and one of which costs more than all others together
(integrated gradients, a path for each layer). The default drops both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from imprint.core.arrays import IntArray
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.coverage.importance.voting import Votes, VotingOptions, count_votes
from imprint.nets.image_model import ImageModel
from imprint.neurons.importance import Scaling
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.voting import cast_ballots

PUBLISHED_METHODS = ("lc", "la", "ii", "ldl", "ldls", "lgs", "lig", "lrp")
METHODS = ("lc", "la", "ii", "ldl", "lgs", "lrp")


def wisdom(
    model: ImageModel,
    images: ImageSet,
    indices: IntArray,
    voting: VotingOptions | None = None,
    attribution: AttributionOptions | None = None,
    *,
    methods: Sequence[str] | None = None,
    scaling: Scaling = "none",
    pool: IntArray | None = None,
    device: torch.device | str = "cpu",
    batch_size: int = 32,
    centre_fraction: float = 1.0,
) -> Votes:
    """Return the votes for every neuron.

    As published: the eight methods on Captum's nodes, gains on the batch itself with weights at
    zero. Else: methods that differ, gains on the next batch, neurons taken away after their
    normalisation.

    Args:
        model: a classifier.
        images: where pixels and labels come from.
        indices: int64 ``[n]``, in the order of the batches.
        voting: how ballots become votes.
        attribution: of all methods; published votes need raw sums over places.
        methods: names of attributions; ``METHODS`` or ``PUBLISHED_METHODS`` when None.
        scaling: of the scores; raw sums over places favour layers of many places. Published: none.
        pool: int64 ``[p]``, images that serve as random baselines.
        device: where to compute.
        batch_size: inputs a ballot; published tables are of 32.
        centre_fraction: share of the shorter side that the centre square keeps.

    Raises:
        ImprintError: no classifier, too few inputs, or no batch with any gain.
    """
    voting = voting or VotingOptions()
    attribution = attribution or AttributionOptions()
    if voting.published:
        attribution = replace(attribution, quadrature="gauss_legendre")
    names = tuple(methods or (PUBLISHED_METHODS if voting.published else METHODS))
    if not voting.published:
        names = without_duplicates(names, attribution, pool)
    ballots = cast_ballots(
        model.to(device),
        View(images, indices, centre_fraction),
        names,
        voting.m,
        attribution,
        held_out=not voting.published,
        after_norm=not voting.published,
        scaling=scaling,
        pool=None if pool is None else View(images, pool, centre_fraction),
        batch_size=batch_size,
        among=voting.among,
    )
    return count_votes(ballots, voting)


def without_duplicates(
    methods: Sequence[str], options: AttributionOptions, pool: IntArray | None
) -> tuple[str, ...]:
    """Return methods without those that give what another one gives, which would vote twice.

    >>> without_duplicates(["ldl", "ldls", "lgxa", "lrp", "la"], AttributionOptions(), None)
    ('ldl', 'lgxa', 'la')
    """
    same = {"lrp": "lgxa"} if options.rule == "epsilon0" else {}
    if pool is None:
        same["ldls"] = "ldl"
    kept: list[str] = []
    for name in methods:
        meant = same.get(name, name)
        if meant not in {same.get(other, other) for other in kept}:
            kept.append(name)
    return tuple(kept)
