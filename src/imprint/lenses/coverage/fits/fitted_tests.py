"""Tests as fitted criteria take them: of the same network, layers and classes as the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.launch.options import ManyTasks
from imprint.lenses.coverage.fits.fitted_file import FittedFile
from imprint.lenses.coverage.fits.options import FitOptions
from imprint.lenses.coverage.options import MeasureOptions
from imprint.lenses.coverage.study.inputs import open_network, tables_from_arrays, tests_view
from imprint.lenses.coverage.study.network import TakeActivations
from imprint.lenses.coverage.study.source import Source
from imprint.neurons.activations import ActivationTable
from imprint.study.hashing import hash_file
from imprint.study.options import Common, ModelChoice
from imprint.study.store import Study

OF_TESTS = ("arrays", "layout", "skip_corrupt", "storage")
"""Options that ``fit`` and ``measure`` share, and that are about the tests as well."""
NEEDS_TRAINING = (
    "--{} needs the activations of training inputs, which --fitted does not hold: leave one out"
)


def open_fitted_tests(study: Study, options: MeasureOptions, held: FittedFile) -> Source:
    """Return the activations of tests as the fit observed those of training inputs.

    Raises:
        ImprintError: they cannot be read, or are of another network, other layers or classes.
    """
    if options.arrays is not None:
        _, test = tables_from_arrays(options.arrays)
        hashed = {"arrays": hash_file(options.arrays)}
        test = _in_fitted_order(test, held, options.arrays)
        return Source(None, test, hashed, {"name": options.arrays.name})
    context = held.context
    view = tests_view(options, context.centre_fraction)
    network = open_network(options, view.images)
    if network.fingerprint() != context.network:
        raise ImprintError(
            f"{options.fitted} was fitted to another network than {options.model}: fit to this one "
            "with imprint coverage fit"
        )
    numbers = {name: number for number, name in enumerate(context.classes)}
    unknown = [name for name in view.images.classes if name not in numbers]
    if unknown:
        raise ImprintError(
            f"{view.images.name} has the class {unknown[0]!r}, which {context.trained_on} does not "
            "have: give sets of the same classes"
        )
    if view.images.fingerprint() == context.images:
        raise ImprintError(
            f"--tests are the images of {options.fitted}, which criteria were fitted to: name "
            "another part with --tests-part, or give another folder"
        )
    step = TakeActivations(network, view, context.taps, options.storage, "test")
    test = step.table(study)
    if test.layers != held.fitted.layers:
        raise ImprintError(
            f"{options.fitted} was fitted to other layers than {options.model} has: fit to this "
            "one with imprint coverage fit"
        )
    if test.labels is not None:
        renumbered = np.array([numbers[name] for name in view.images.classes], dtype=np.int64)
        test = replace(test, labels=renumbered[test.labels])
    facts = image_facts(view.images) | {"trained_on": context.trained_on}
    return Source(None, test, {"test": study.hash_of(step.artefact)}, facts, network)


def _in_fitted_order(test: ActivationTable, held: FittedFile, file: Path) -> ActivationTable:
    """Return activations of a file with layers in the order of the fit."""
    wanted, given = held.fitted.layers, test.layers
    widths = dict(zip(given.names, given.widths, strict=True))
    for name, width in zip(wanted.names, wanted.widths, strict=True):
        if widths.get(name) != width:
            got = f"{widths[name]} neurons" if name in widths else "none"
            raise ImprintError(
                f"{file}: test/{name} must have the {width} neurons that criteria were fitted to, "
                f"got {got}"
            )
    values = np.concatenate([test.values[:, given.slices[name]] for name in wanted.names], axis=1)
    return replace(test, layers=wanted, values=values)


def check_fitted_choice(options: MeasureOptions) -> None:
    """Refuse options that the fit decided, and those that need training inputs.

    Raises:
        ImprintError: which, and why.
    """
    if (options.arrays is None) == (options.model is None):
        raise ImprintError("give either --arrays or --model with --tests, beside --fitted")
    decided = vars(FitOptions(out=options.out))
    general = {**vars(Common(out=options.out)), **vars(ModelChoice()), **vars(ManyTasks())}
    kept = {*general, *OF_TESTS, "correct_only"}
    for name, default in decided.items():
        if name not in kept and getattr(options, name) != default:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} was decided by imprint coverage fit: leave it out")
    for name in ("per", "search"):
        if getattr(options, name):
            raise ImprintError(NEEDS_TRAINING.format(name))
    if options.correct_only in ("build", "both"):
        raise ImprintError(
            f"--correct-only {options.correct_only} is about training inputs: give --correct-only "
            "to imprint coverage fit"
        )
    if options.arrays is not None and options.correct_only != "none":
        raise ImprintError("--correct-only needs the predictions of a network: leave it out")
