"""Which neurons of a network are important: attribution, votes, and both from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    read_votes,
    write_importance,
    write_layer_json,
    write_votes,
)
from imprint.lenses.coverage.importance.voting import Votes, VotingOptions
from imprint.lenses.coverage.study.wisdom import wisdom
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable, Selection, neurons_of, select
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attribute_by
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.plain import to_plain
from imprint.study.store import Study


class NotAttributable(ImprintError):
    """A network or images that no attribution can be made of; all else goes on."""


NO_LOGITS = (
    "the network has no classifier, so that no output can be attributed to neurons (one of your "
    "own tells it by a method features and a submodule classifier)"
)


def importance_step(
    study: Study,
    model: ImageModel,
    weights: str,
    images: ImageSet,
    index: IntArray,
    methods: Sequence[str],
    options: AttributionOptions,
    device: torch.device,
    correct_only: bool = False,
    centre_fraction: float = 1.0,
) -> dict[str, ImportanceTable]:
    """Attribute outputs to neurons unless it is done; return the table of each method.

    Args:
        study: gets ``importance/METHOD.parquet``.
        model: a classifier.
        weights: their hash.
        images: where pixels and classes come from.
        index: int64 ``[n]``, images to attribute.
        methods: attributions; those that are not done yet share their passes.
        options: of the attributions.
        device: where to compute.
        correct_only: leave out images whose class the network does not name.
        centre_fraction: share of the shorter side that the centre square keeps.

    Raises:
        NotAttributable: the network or the images allow no attribution.
    """
    settings: dict[str, Any] = {
        "weights": weights,
        "images": images.fingerprint(),
        "index": hash_arrays(index),
        "options": to_plain(options),
        "correct_only": correct_only,
        "centre_fraction": centre_fraction,
    }
    names = {method: f"importance/{method}.parquet" for method in methods}
    absent = [method for method, name in names.items() if not study.is_done(name, settings)]
    if absent:
        with _telling():
            tables = attribute_by(
                model.to(device),
                View(images, index, centre_fraction),
                absent,
                options,
                correct_only=correct_only,
            )
        for method, table in tables.items():
            study.step(names[method], settings, partial(write_importance, table=table))
    return {method: read_importance(study.path(name)) for method, name in names.items()}


def votes_step(
    study: Study,
    model: ImageModel,
    weights: str,
    images: ImageSet,
    index: IntArray,
    methods: Sequence[str],
    voting: VotingOptions,
    device: torch.device,
    batch_size: int = 32,
    centre_fraction: float = 1.0,
) -> tuple[dict[str, FloatArray], dict[str, Any]]:
    """Let attributions vote unless it is done; return the votes of each layer, and the findings.

    Args:
        study: gets ``wisdom``: ``votes.csv`` in the published form, ``findings.json``.
        model: a classifier.
        weights: their hash.
        images: where pixels and classes come from.
        index: int64 ``[n]``, images in the vote, in the order of the ballots.
        methods: attributions that vote.
        voting: how ballots are counted.
        device: where to compute.
        batch_size: images a ballot.
        centre_fraction: share of the shorter side that the centre square keeps.

    Raises:
        NotAttributable: the network or the images allow no vote.
    """
    settings = {
        "weights": weights,
        "images": images.fingerprint(),
        "index": hash_arrays(index),
        "methods": list(methods),
        "voting": to_plain(voting),
        "batch_size": batch_size,
        "centre_fraction": centre_fraction,
    }

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        with _telling():
            found = wisdom(
                model,
                images,
                index,
                voting,
                methods=methods,
                device=device,
                batch_size=batch_size,
                centre_fraction=centre_fraction,
            )
        last = found.layers.names[-1] in found.among
        write_votes(folder / "votes.csv", found.layers, found.votes, last)
        write_json(folder / "findings.json", vote_facts(found, voting))

    folder = study.step("wisdom", settings, build)
    return read_votes(folder / "votes.csv"), read_json(folder / "findings.json")


def vote_facts(found: Votes, voting: VotingOptions) -> dict[str, Any]:
    """Return what is told of a vote: its leaders, and how sure it is of them."""
    leading = found.leading(voting.m)
    return {
        "leading": [
            {
                "layer": layer,
                "neuron": row,
                "votes": int(found.votes[neuron]),
                "frequency": float(found.frequency[neuron]),
            }
            for (layer, row), neuron in zip(leading.named(), leading.neurons, strict=True)
        ],
        "votes": int(found.votes.sum()),
        "batches": found.batches,
        "skipped": found.skipped,
        "settled": found.settled,
        "wins": dict(found.wins),
        "mean_gains": {name: float(gain) for name, gain in found.mean_gains.items()},
    }


def leading_neurons(layers: Layers, scores: FloatArray, m: int, answer: str | None) -> Selection:
    """Return the m neurons of the highest scores, those of the answer left out if it has others.

    Args:
        layers: that are looked at, some of the network's.
        scores: float64 ``[neurons]``.
        m: how many.
        answer: the last layer of the whole network, whose units are the classes; None where it has
            no scores.

    Raises:
        ImprintError: no neuron among them has a score.
    """
    hidden = [name for name in layers.names if name != answer] or list(layers.names)
    scored = int((~np.isnan(scores[neurons_of(layers, hidden)])).sum())
    if not scored:
        raise ImprintError(
            f"none of the layers looked at ({', '.join(hidden[:3])}) has scores of its neurons: "
            "look at others, or give --importance"
        )
    return select(layers, scores, min(m, scored) if m > 0 else scored, hidden)


def scores_among(
    layers: Layers, by_layer: Mapping[str, NDArray[Any]], what: str, missing: float = np.nan
) -> FloatArray:
    """Return scores of the neurons that are looked at, float64 ``[neurons]``.

    Args:
        layers: that are looked at.
        by_layer: scores of each layer, ``[width]``.
        what: where they come from, for messages.
        missing: stands for neurons of layers without scores.

    Raises:
        ImprintError: none of the layers has scores, or one has more or fewer neurons.
    """
    scores = np.full(layers.neurons, missing)
    known = 0
    for name, part in layers.slices.items():
        if name not in by_layer:
            continue
        width = part.stop - part.start
        if len(by_layer[name]) != width:
            raise ImprintError(
                f"{what} has {len(by_layer[name])} neurons in layer {name}, the network {width}: "
                "give a table of this network"
            )
        scores[part] = by_layer[name]
        known += 1
    if not known:
        raise ImprintError(
            f"{what} speaks of the layers {', '.join(list(by_layer)[:3])} …, and none of them is "
            f"looked at ({', '.join(layers.names[:3])} …): give a table of this network"
        )
    return scores


def old_files_step(study: Study, methods: Sequence[str]) -> None:
    """Write tables of importance as Torch4DeepImportance does, unless it is done.

    Args:
        study: holds ``importance/METHOD.parquet``; gets ``importance/METHOD``: ``scores.csv``, and
            ``LAYER_CLASS.json`` whose one sample is the mean over the images of the class.
        methods: whose tables.
    """

    def build(folder: Path, table: ImportanceTable) -> None:
        folder.mkdir(exist_ok=True)
        write_votes(folder / "scores.csv", table.layers, table.of())
        for name, part in table.layers.slices.items():
            for label in range(table.classes):
                if table.counts[label]:
                    write_layer_json(
                        folder / f"{name}_{label}.json", label, table.of(label)[None, part]
                    )

    for method in methods:
        source = f"importance/{method}.parquet"
        table = read_importance(study.path(source))
        study.step(f"importance/{method}", {}, partial(build, table=table), (source,))


def check_records(count: int, flag: str) -> None:
    """Tell an impossible number of images before other work begins.

    Raises:
        ImprintError: it is negative.
    """
    if count < 0:
        raise ImprintError(f"{flag} is {count}: 0 takes all images, more takes so many")


def check_methods(methods: Sequence[str], flag: str) -> None:
    """Tell attributions that do not exist before other work begins.

    Raises:
        ImprintError: one of them, or none is asked for.
    """
    if not methods:
        raise ImprintError(f"no attribution is asked for: give {flag}, lrp for instance")
    for name in methods:
        ATTRIBUTORS.get(name)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except ImprintError as error:
        raise NotAttributable(str(error)) from error


def attribution_seed(seed: int) -> int:
    """Return the seed of everything random in attributions."""
    return derive(seed, "coverage attribution")
