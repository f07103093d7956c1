"""What coverage is measured on: activations in a file, or a network and the images it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.core.user_arrays import as_array
from imprint.data.choice import image_facts
from imprint.data.files import in_channels, without_corrupt
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.coverage.options import (
    LayerChoice,
    MembersChoice,
    NetworkChoice,
    NetworkTestChoice,
)
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.nets.load import network_file
from imprint.neurons.activations import ActivationTable, Layers
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.array_file import array, arrays_from, read_array_file
from imprint.study.plain import JsonObject

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
MAX_SUM_ERROR = 1e-3
OVERFLOW = "leave that input out, or look for the layer that overflows"


@dataclass(frozen=True, kw_only=True, eq=False)
class ActivationArrays:
    """Activations that the user took elsewhere, layers in their order."""

    train: Mapping[str, NDArray[Any]] = array(
        "N _",
        "activations of one layer on the training inputs",
        name="train/*",
        dtype=None,
        largest=LARGEST_FLOAT32,
        optional=True,
        remedy=OVERFLOW,
    )
    test: Mapping[str, NDArray[Any]] = array(
        "M _",
        "activations of one layer on the test inputs",
        name="test/*",
        dtype=None,
        largest=LARGEST_FLOAT32,
        optional=True,
        remedy=OVERFLOW,
    )
    train_labels: IntArray | None = array(
        "N", "classes of the training inputs", kind="whole", optional=True
    )
    test_labels: IntArray | None = array(
        "M", "classes of the test inputs", kind="whole", optional=True
    )
    probabilities: NDArray[np.float64] | None = array(
        "M C", "probability of each class for every test input", kind="float", optional=True
    )


def read_probabilities(file: Path) -> NDArray[np.float64] | None:
    """Return the probabilities in a file of activations, float64 ``[M, C]``; None without.

    Raises:
        ImprintError: they are no probabilities of at least two classes for every test.
    """
    values = read_array_file(ActivationArrays, file).probabilities
    return None if values is None else check_probabilities(values, f"{file}: probabilities")


def check_probabilities(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return probabilities ``[M, C]``.

    Raises:
        ImprintError: they are not of at least two classes, or rows do not sum to 1.
    """
    if values.ndim != 2 or values.shape[1] < 2:
        raise ImprintError(
            f"{name} must be [M, C] of at least two classes, got {list(values.shape)}"
        )
    if len(values) and (values.min() < 0 or np.abs(values.sum(1) - 1).max() > MAX_SUM_ERROR):
        raise ImprintError(f"{name} must not be negative and sum to 1 in each row: apply a softmax")
    return values


def tables_from_arrays(file: Path) -> tuple[ActivationTable | None, ActivationTable]:
    """Return the activations of training data, if the file holds any, and of test data.

    Raises:
        ImprintError: arrays that do not fit; the message says which.
    """
    arrays = read_array_file(ActivationArrays, file)
    if not arrays.test:
        raise ImprintError(f"{file} has no array 'test/LAYER': give activations of the tests")
    predictions = None
    if arrays.probabilities is not None:
        shares = check_probabilities(arrays.probabilities, f"{file}: probabilities")
        predictions = shares.argmax(1).astype(np.int64)
        _check_classes(arrays.test_labels, shares.shape[1], file)
    if not arrays.train:
        tests = _side_by_side(arrays.test, arrays.test_labels)
        return None, replace(tests, predictions=predictions)
    odd = sorted(arrays.train.keys() ^ arrays.test.keys())
    if odd:
        raise ImprintError(f"{file}: give layer {odd[0]!r} of both train and test, or of neither")
    for name, values in arrays.train.items():
        width, tested = values.shape[1], arrays.test[name].shape[1]
        if width != tested:
            raise ImprintError(
                f"{file}: train/{name} has {width} neurons, test/{name} {tested}: give the same "
                "layer of one network"
            )
    test = {name: arrays.test[name] for name in arrays.train}
    return (
        _side_by_side(arrays.train, arrays.train_labels),
        replace(_side_by_side(test, arrays.test_labels), predictions=predictions),
    )


def _check_classes(labels: IntArray | None, classes: int, file: Path) -> None:
    """Check that there is a probability of every class of a test."""
    if labels is None or not len(labels):
        return
    odd = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(odd):
        raise ImprintError(
            f"{file}: test_labels[{odd[0]}] is {labels[odd[0]]}, and probabilities are of classes "
            f"0 to {classes - 1}: number the classes by the columns of probabilities"
        )


def training_from_arrays(file: Path) -> ActivationTable:
    """Return the activations of training data in a file.

    Raises:
        ImprintError: it holds none, or arrays that do not fit.
    """
    arrays = read_array_file(ActivationArrays, file)
    if not arrays.train:
        raise ImprintError(f"{file} has no array 'train/LAYER': criteria are fitted to these")
    return _side_by_side(arrays.train, arrays.train_labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class _OneSet:
    """Activations of one set of inputs."""

    layers: Mapping[str, NDArray[Any]] = array(
        "N _",
        "activations of one layer",
        name="*",
        dtype=None,
        largest=LARGEST_FLOAT32,
        remedy=OVERFLOW,
    )


def activation_table(
    layers: Mapping[str, ArrayLike], labels: ArrayLike | None = None
) -> ActivationTable:
    """Return activations in memory as a table.

    Args:
        layers: ``[n, A]`` by name of the layer, in the order in which an input passes them.
        labels: classes ``[n]``.

    Raises:
        ImprintError: shapes that do not fit, or values that are not finite.
    """
    if not layers:
        raise ImprintError("give activations of at least one layer")
    arrays = {str(name): as_array(values, f"layer {name}") for name, values in layers.items()}
    table = _side_by_side(arrays_from(_OneSet, arrays, "activations").layers, None)
    return table if labels is None else replace(table, labels=whole_labels(labels, len(table)))


def whole_labels(labels: ArrayLike, count: int, name: str = "labels") -> IntArray:
    """Return classes as int64 ``[count]``.

    Raises:
        ImprintError: they are not one whole number an input.
    """
    classes = as_array(labels, name)
    whole = classes.dtype.kind in "iu" or (
        classes.dtype.kind == "f" and bool(np.all(np.abs(classes) < 2**53))
    )
    if classes.shape != (count,) or not whole or np.any(classes != np.round(classes)):
        raise ImprintError(
            f"{name} must be one whole number per input, [{count}], got {classes.dtype} "
            f"{list(classes.shape)}"
        )
    return classes.astype(np.int64)


def _side_by_side(layers: Mapping[str, NDArray[Any]], labels: IntArray | None) -> ActivationTable:
    """Return layers as one table, in float64 where float32 does not hold them exactly."""
    parts = [
        single
        if np.array_equal(single := values.astype(np.float32), values)
        else values.astype(np.float64)
        for values in layers.values()
    ]
    observed = Layers(tuple(layers), tuple(part.shape[1] for part in parts))
    joined = cast("NDArray[np.float64]", np.concatenate(parts, axis=1))
    return ActivationTable(observed, joined, labels)


@dataclass(frozen=True, eq=False)
class ImageSets:
    """The images that train and that test a network.

    Attributes:
        train: images it was trained on.
        test: images that test it, of the same image set.
        trained_on: name of the training images alone.
    """

    train: View
    test: View
    trained_on: str = ""

    @property
    def images(self) -> ImageSet:
        """The set that holds both."""
        return self.train.images

    def facts(self) -> JsonObject:
        """Return the facts of the data for the summary; the report names the training images."""
        return image_facts(self.images) | {"trained_on": self.trained_on or self.images.name}


def open_sets(options: NetworkTestChoice) -> ImageSets:
    """Return the training images and the test images, drawn at random where there are too many.

    Raises:
        ImprintError: one is missing or cannot be read, both are the same, or classes differ.
    """
    if options.members is None or options.tests is None:
        raise ImprintError(
            "a network needs images it was trained on and images that test it: give --members and "
            "--tests"
        )
    if (options.members, options.members_part) == (options.tests, options.tests_part):
        raise ImprintError(
            f"--members and --tests are the same images, {options.tests}: name its parts with "
            "--members-part and --tests-part, or give two folders"
        )
    train = open_members(options)
    test = open_part(options, options.tests, options.tests_part)
    names = dict.fromkeys((options.members.name, options.tests.name))
    images = JoinedImages(train, test, " and ".join(names))
    rows = {
        "train": _sample(len(train), options.member_records, options.seed, "train"),
        "test": len(train) + _sample(len(test), options.test_records, options.seed, "test"),
    }
    views = {name: View(images, rows[name], options.centre_fraction) for name in rows}
    return ImageSets(views["train"], views["test"], train.name)


def members_view(options: MembersChoice) -> View:
    """Return the training images alone, drawn as :func:`open_sets` draws them.

    Raises:
        ImprintError: none are given, or they cannot be read.
    """
    images = open_members(options)
    rows = _sample(len(images), options.member_records, options.seed, "train")
    return View(images, rows, options.centre_fraction)


def tests_view(options: NetworkTestChoice, centre_fraction: float) -> View:
    """Return the test images alone, drawn as :func:`open_sets` draws them.

    Raises:
        ImprintError: none are given, or they cannot be read.
    """
    if options.tests is None:
        raise ImprintError("give --tests, images that test the network")
    images = open_part(options, options.tests, options.tests_part)
    return View(
        images, _sample(len(images), options.test_records, options.seed, "test"), centre_fraction
    )


def open_members(options: NetworkChoice) -> ImageSet:
    """Return the images that the network was trained on.

    Raises:
        ImprintError: none are given, or they cannot be read.
    """
    if options.members is None:
        raise ImprintError("give --members, images that the network was trained on")
    return open_part(options, options.members, options.members_part)


def open_part(options: NetworkChoice, root: Path, part: str) -> ImageSet:
    """Return the images of one part as the network takes them, without corrupt ones.

    Raises:
        ImprintError: they, or the network, cannot be read.
    """
    skip = options.skip_corrupt
    opened = open_images(root, layout=options.layout, part=part or None, skip_corrupt=skip)
    images = without_corrupt(opened)
    if options.model is None:
        return images
    return in_channels(images, network_file(options.model, options).card.channels)


def _sample(length: int, count: int, seed: int, purpose: str) -> IntArray:
    rows = np.arange(length)
    if not count or count >= length:
        return rows
    chosen = generator(seed, f"coverage {purpose} records").permutation(rows)[:count]
    return np.sort(chosen)


def open_network(options: NetworkChoice, images: ImageSet) -> AuditedNetwork:
    """Return the network of the options.

    Raises:
        ImprintError: none is given, its card cannot be read, or it takes other images.
    """
    if options.model is None:
        raise ImprintError("give --model, a file of weights with its card beside it")
    file = network_file(options.model, options)
    if file.card.channels != images.channels:
        raise ImprintError(
            f"{options.model} takes {file.card.channels}-channel images, those of {images.name} "
            f"have {images.channels}: give images such as it was trained on"
        )
    return AuditedNetwork(file, choose_device(options.device))


def tap_options(choice: LayerChoice) -> TapOptions:
    """Return the choice of layers and neurons as a probe takes it."""
    return TapOptions(
        final=choice.final,
        names=choice.layers,
        excluded=choice.exclude_layers,
        indices=choice.layer_index,
        third=None if choice.third == "all" else choice.third,
        tokens=choice.tokens,
        steps=choice.steps,
        step_limit=choice.step_limit,
        values=choice.neuron_values,
    )
