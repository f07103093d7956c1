"""Fitted criteria as a file, and what they saw of tests as another; see ``nets/tensor_file.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.findings import NeuronChoice
from imprint.lenses.coverage.measure.fitted_criteria import (
    FittedCriteria,
    SeenCoverage,
    TrainingInputs,
)
from imprint.lenses.coverage.measure.measure import GROUPS
from imprint.lenses.coverage.measure.seen_tests import SeenTests
from imprint.nets.tensor_file import read_tensor_file, write_tensor_file
from imprint.neurons.activations import Layers
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.finding import from_json, to_json

FITTED, SEEN = "fitted coverage criteria", "measured coverage"
VERSION = 1
FIT_AGAIN = "give the file that imprint coverage fit wrote, OUT/fitted.safetensors"
MEASURE_AGAIN = "give the folder of imprint coverage measure --fitted"
TRAINING = "training/"
VALUES = "gaps/values"


@dataclass(frozen=True)
class FitContext:
    """What criteria were fitted to, and how their tests must be passed through the network.

    Attributes:
        choices: what chose the neurons of IDC and WISDOM.
        network: fingerprint of the network; None where activations came from a file.
        classes: names of the classes of the training images, by number.
        trained_on: name of the training images.
        images: fingerprint of the set that the training images are of; empty where unknown.
        taps: which layers were observed.
        centre_fraction: share of the shorter side that the centre square keeps of each image.
        correct_only: whether misclassified training inputs were left out.
    """

    choices: Mapping[str, NeuronChoice]
    network: str | None = None
    classes: tuple[str, ...] = ()
    trained_on: str = ""
    images: str = ""
    taps: TapOptions = field(default_factory=TapOptions)
    centre_fraction: float = 1.0
    correct_only: bool = False


@dataclass(frozen=True, eq=False)
class FittedFile:
    """Fitted criteria with their context.

    Attributes:
        fitted: the criteria.
        context: what they were fitted to.
        digest: of the file.
    """

    fitted: FittedCriteria
    context: FitContext
    digest: str = ""


@dataclass(frozen=True)
class _Card:
    layers: Layers
    settings: Mapping[str, Any]
    missing: Mapping[str, str]
    training: int | None
    context: FitContext


def write_fitted(path: Path, fitted: FittedCriteria, context: FitContext) -> None:
    """Write fitted criteria to one file.

    Raises:
        ImprintError: the disk is full or the folder cannot be written.
    """
    training = fitted.training
    card = _Card(
        fitted.layers,
        {name: to_json(options) for name, options in fitted.settings.items()},
        fitted.missing,
        None if training is None else training.count,
        context,
    )
    tensors = {
        f"{name}/{part}": tensor
        for name, criterion in fitted.criteria.items()
        for part, tensor in criterion.state_dict().items()
    }
    for name in ("classes", "neurons", "values", "index"):
        array = None if training is None else getattr(training, name)
        if array is not None:
            tensors[TRAINING + name] = torch.from_numpy(np.ascontiguousarray(array))
    write_tensor_file(path, FITTED, VERSION, to_json(card), tensors)


def read_fitted(path: Path) -> FittedFile:
    """Return the criteria that :func:`write_fitted` wrote.

    Raises:
        ImprintError: no such file, damaged, or of another kind or version.
    """
    file = read_tensor_file(path, FITTED, VERSION, FIT_AGAIN)
    card = from_json(_Card, file.facts, str(path))
    settings: dict[str, Any] = {
        name: from_json(CRITERIA.get(name).Options, options, str(path))
        for name, options in card.settings.items()
    }
    try:
        criteria = {
            name: _restored(name, card.layers, settings[name], file.tensors)
            for name in settings
            if name not in card.missing
        }
        arrays = {
            name: file.tensors[TRAINING + name].numpy()
            for name in ("classes", "neurons", "values", "index")
            if TRAINING + name in file.tensors
        }
    except ImprintError:
        raise
    except Exception as error:  # tensors of other types and shapes raise what torch makes of them
        raise ImprintError(
            f"{path} holds no {FITTED} ({type(error).__name__}: {error}): {FIT_AGAIN}"
        ) from error
    training = None
    if card.training is not None:
        training = TrainingInputs(card.training, arrays.pop("classes", None), **arrays)
        if (odd := _odd_array(training, card.layers.neurons)) is not None:
            raise ImprintError(
                f"{path} holds no {FITTED} ({TRAINING}{odd} is malformed): {FIT_AGAIN}"
            )
    fitted = FittedCriteria(card.layers, settings, criteria, card.missing, training)
    return FittedFile(fitted, card.context, file.digest)


def _odd_array(training: TrainingInputs, neurons: int) -> str | None:
    """Return which array of training inputs is none that :func:`write_fitted` writes."""
    for name in ("classes", "neurons", "index"):
        array = getattr(training, name)
        if array is not None and (array.dtype != np.int64 or array.ndim != 1):
            return name
    observed, values, index = training.neurons, training.values, training.index
    if (observed is None) != (values is None):
        return "values"
    if observed is not None and values is not None:
        if len(observed) and not 0 <= observed.min() <= observed.max() < neurons:
            return "neurons"
        if values.shape != (training.count, len(observed)) or not np.isfinite(values).all():
            return "values"
    return None if index is None or len(index) == training.count else "index"


def _restored(name: str, layers: Layers, options: Any, tensors: Mapping[str, Tensor]) -> Criterion:
    criterion = CRITERIA.get(name)(layers, options)
    criterion.load_state_dict(_below(f"{name}/", tensors))
    return criterion


def _below(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


@dataclass(frozen=True)
class MeasuredSets:
    """Sets of tests that were measured.

    Attributes:
        fingerprints: of each set.
        correct_only: whether misclassified tests were left out.
        by_prediction: whether criteria judged tests by the predicted classes.
    """

    fingerprints: tuple[str, ...]
    correct_only: bool = False
    by_prediction: bool = False


@dataclass(frozen=True)
class _SeenCard:
    fitted: str
    sets: MeasuredSets
    inputs: int
    criteria: tuple[str, ...]
    missing: Mapping[str, str]


def write_seen(path: Path, seen: SeenCoverage, fitted: FittedFile, sets: MeasuredSets) -> None:
    """Write what fitted criteria saw to one file, without the fit.

    Raises:
        ImprintError: the disk is full or the folder cannot be written.
    """
    card = _SeenCard(fitted.digest, sets, seen.inputs, tuple(sorted(seen.seen)), seen.missing)
    tensors = {
        f"{name}/{part}": tensor
        for name, each in seen.seen.items()
        for part, tensor in each.state_dict().items()
    }
    if seen.values is not None:
        tensors[VALUES] = torch.from_numpy(np.ascontiguousarray(seen.values))
    write_tensor_file(path, SEEN, VERSION, to_json(card), tensors)


def read_seen(path: Path, fitted: FittedFile) -> tuple[SeenCoverage, MeasuredSets]:
    """Return what fitted criteria saw, and of which tests.

    Raises:
        ImprintError: no such file, damaged, or measured with another file of fitted criteria.
    """
    file = read_tensor_file(path, SEEN, VERSION, MEASURE_AGAIN)
    card = from_json(_SeenCard, file.facts, str(path))
    if card.fitted != fitted.digest:
        raise ImprintError(
            f"{path} was measured with other fitted criteria: merge measurements by one file alone"
        )
    try:
        seen = {}
        for name in card.criteria:
            seen[name] = SeenTests.none(fitted.fitted.criteria[name], GROUPS)
            seen[name].load_state_dict(_below(f"{name}/", file.tensors))
        values = file.tensors[VALUES].numpy() if VALUES in file.tensors else None
    except Exception as error:  # tensors of other types and shapes raise what torch makes of them
        raise ImprintError(
            f"{path} holds no {SEEN} ({type(error).__name__}: {error}): {MEASURE_AGAIN}"
        ) from error
    return SeenCoverage(seen, card.missing, card.inputs, values), card.sets
