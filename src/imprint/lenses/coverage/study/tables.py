"""The activations of a network on the images it was trained on, and on those that test it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import image_facts
from imprint.data.files import without_corrupt
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.coverage.study.options import LayerChoice, ModelChoice, NetworkChoice
from imprint.nets.image_model import ImageModel
from imprint.nets.load import network_file
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import Storage, read_activations, write_activations
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.hashing import hash_arrays
from imprint.study.plain import to_plain
from imprint.study.store import Study


@dataclass(frozen=True)
class Sets:
    """Images of which activations are taken.

    Attributes:
        images: all of them.
        index: int64, which of them are looked at, by name of the set: ``train`` and ``test``.
        centre_fraction: share of the shorter side that the centre square keeps.
        trained_on: name of the training images alone.
    """

    images: ImageSet
    index: Mapping[str, IntArray]
    centre_fraction: float = 1.0
    trained_on: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what the summary says of the data; the page names what training was on."""
        return image_facts(self.images) | {"trained_on": self.trained_on or self.images.name}

    def view(self, name: str) -> View:
        """Return the images of one set and the squares of them that a network sees."""
        return View(self.images, self.index[name], self.centre_fraction)


def open_sets(options: ModelChoice) -> Sets:
    """Return the training images and the test images, drawn at random where there are too many.

    Raises:
        ImprintError: one is not given or cannot be read, both are the same, or classes differ.
    """
    if options.train is None or options.test is None:
        raise ImprintError(
            "a network needs images it was trained on and images that test it: give --train and "
            "--test"
        )
    if (options.train, options.train_part) == (options.test, options.test_part):
        raise ImprintError(
            f"--train and --test are the same images, {options.test}: name its parts with "
            "--train-part and --test-part, or give two folders"
        )
    train = open_training(options)
    test = _open(options, options.test, options.test_part)
    names = dict.fromkeys((options.train.name, options.test.name))
    images = JoinedImages(train, test, " and ".join(names))
    index = {
        "train": _some(np.arange(len(train)), options.train_records, options.seed, "train"),
        "test": len(train)
        + _some(np.arange(len(test)), options.test_records, options.seed, "test"),
    }
    return Sets(images, index, options.centre_fraction, train.name)


def open_training(options: NetworkChoice) -> ImageSet:
    """Return the images that the network was trained on.

    Raises:
        ImprintError: none are given, or they cannot be read.
    """
    if options.train is None:
        raise ImprintError("give --train, images that the network was trained on")
    return _open(options, options.train, options.train_part)


def _open(options: NetworkChoice, root: Path, part: str) -> ImageSet:
    skip = options.skip_corrupt
    opened = open_images(root, layout=options.layout, part=part or None, skip_corrupt=skip)
    return without_corrupt(opened)


def open_network(options: NetworkChoice, images: ImageSet) -> tuple[ImageModel, str]:
    """Return the network and the hash of its weights and card.

    Raises:
        ImprintError: none is given, it cannot be read, or it does not take such images.
    """
    if options.subject is None:
        raise ImprintError("give --subject, a file of weights with its card beside it")
    file = network_file(options.subject, options)
    if file.card.channels != images.channels:
        raise ImprintError(
            f"{options.subject} takes {file.card.channels}-channel images, {images.name} has "
            f"{images.channels}: give the images it was trained on"
        )
    return file.load(), file.fingerprint()


def tap_options(choice: LayerChoice) -> TapOptions:
    """Return the choice of layers and neurons as a probe takes it."""
    return TapOptions(
        final=choice.final,
        names=choice.layers,
        excluded=choice.exclude,
        indices=choice.layer_index,
        third=None if choice.third == "all" else choice.third,
        tokens=choice.tokens,
        steps=choice.steps,
        step_limit=choice.step_limit,
    )


def activation_step(
    study: Study,
    name: str,
    model: ImageModel,
    weights: str,
    sets: Sets,
    taps: TapOptions,
    storage: Storage,
    device: torch.device,
) -> str:
    """Take the activations of one set unless it is done; return the artefact.

    Args:
        study: gets ``activations/NAME``.
        name: of the set.
        model: the network.
        weights: their hash.
        sets: the images.
        taps: which layers, and what a neuron is.
        storage: of the values.
        device: where to compute.
    """
    settings: dict[str, Any] = {
        "weights": weights,
        "images": sets.images.fingerprint(),
        "index": hash_arrays(sets.index[name]),
        "centre_fraction": sets.centre_fraction,
        "neurons": to_plain(taps),
        "storage": storage,
    }
    artefact = f"activations/{name}"
    study.step(
        artefact,
        settings,
        lambda folder: write_activations(
            folder, model.to(device), sets.view(name), taps, f"look at the {name} images", storage
        ),
    )
    return artefact


def activation_steps(
    study: Study,
    model: ImageModel,
    weights: str,
    sets: Sets,
    taps: TapOptions,
    storage: Storage,
    device: torch.device,
) -> dict[str, ActivationTable]:
    """Return the activations of every set, each from one pass; see :func:`activation_step`."""
    return {
        name: read_activations(
            study.path(activation_step(study, name, model, weights, sets, taps, storage, device))
        )
        for name in sets.index
    }


def _some(rows: IntArray, count: int, seed: int, purpose: str) -> IntArray:
    if count < 0:
        raise ImprintError(f"--{purpose}-records {count} will not do: 0 takes all images")
    if not count or count >= len(rows):
        return rows
    chosen = generator(seed, f"coverage {purpose} records").permutation(rows)[:count]
    return np.sort(chosen)
