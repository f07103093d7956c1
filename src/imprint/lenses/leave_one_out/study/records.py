"""From the options of a command to the records of its fit."""

from __future__ import annotations

from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.choice import open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.lenses.leave_one_out.findings import FittedData
from imprint.lenses.leave_one_out.options import FitOptions, LeaveOneOutChoice, RecordOptions
from imprint.lenses.leave_one_out.study.array_hint import option_hint
from imprint.lenses.leave_one_out.study.array_records import (
    GIVEN,
    is_special,
    read_special_records,
)
from imprint.lenses.leave_one_out.study.composition import (
    compose,
    composed_rows,
    kept_classes,
    named_classes,
)
from imprint.lenses.leave_one_out.study.inputs import (
    Inputs,
    Queries,
    RecordArrays,
    inputs_from_arrays,
    inputs_from_images,
    queries_like,
)
from imprint.study.array_file import read_array_file
from imprint.study.options import DataChoice

SCALED = ("scaling", "input_size")
"""Options of how images become inputs."""


def read_records(options: RecordOptions) -> tuple[Inputs, ImageSet | None, Queries | None]:
    """Return the records, the images they are from, and the queries beside them.

    Raises:
        ImprintError: data that cannot be used, or options that do not apply to it.
    """
    special = isinstance(options, FitOptions) and is_special(options)
    _check_special(options, special)
    if options.arrays is None:
        images = open_choice(options, options.seed)
        if options.channels is not None:
            raise ImprintError("--channels applies to --arrays, not to images: leave it out")
        every = usable_indices(images)
        kept = kept_classes(images.classes, options.classes, images.name)
        labels = images.labels[every]
        index = every[compose(labels, kept, options, options.records, options.seed)]
        named = named_classes(images.labels[index], kept, options)
        inputs = inputs_from_images(images, index, options, options.seed, named)
        return inputs, images, None
    _check_image_options(options)
    if special and isinstance(options, FitOptions):
        return _special_records(options, options.arrays)
    inputs, queries = _read_arrays(options, options.arrays)
    return inputs, None, queries


def _special_records(
    options: FitOptions, file: Path
) -> tuple[Inputs, ImageSet | None, Queries | None]:
    inputs, queries = read_special_records(options, file)
    return inputs, None, queries


def _check_special(options: RecordOptions, special: bool) -> None:
    """Check that a kernel matrix or real values go with the other options."""
    if options.kernel == GIVEN and not special:
        raise ImprintError(
            "--kernel given has no inputs to search or change: leave-one-out fit and query take it"
        )
    if special and options.arrays is None:
        what = "--kernel given" if options.kernel == GIVEN else "--targets values"
        raise ImprintError(f"{what} applies to --arrays, not to images: give --arrays")
    if isinstance(options, FitOptions):
        if options.targets == "classes" and options.target_scaling != "standardised":
            raise ImprintError("--target-scaling applies to --targets values: leave it out")
        if options.targets == "values" and options.outputs != "classes":
            raise ImprintError(
                "--outputs applies to classes, not to --targets values: leave it out"
            )
        if options.kernel == GIVEN and options.channels is not None:
            raise ImprintError("--channels applies to x, not to --kernel given: leave it out")


def _read_arrays(options: RecordOptions, file: Path) -> tuple[Inputs, Queries | None]:
    arrays = _read_file(options, file)
    rows, named = composed_rows(file, arrays.y, options)
    inputs = inputs_from_arrays(file, arrays, options, options.seed, options.channels, rows, named)
    if inputs.axes is not None:
        log(f"{file.name}: {len(arrays.x)} images of {inputs.axes}")
    if arrays.queries is None:
        return inputs, None
    return inputs, queries_like(inputs, file, arrays.queries, arrays.query_labels)


def _read_file(options: RecordOptions, file: Path) -> RecordArrays:
    """Return inputs and classes; an error names the option that reads the file, if one does."""
    try:
        return read_array_file(RecordArrays, file)
    except ImprintError as error:
        hint = option_hint(file) if isinstance(options, FitOptions) else ""
        if not hint:
            raise
        raise ImprintError(f"{error}; {hint}") from None


def _check_image_options(options: RecordOptions) -> None:
    """Refuse options of images that were set beside arrays, where they would be ignored."""
    usual = {**vars(DataChoice()), **{name: getattr(LeaveOneOutChoice(), name) for name in SCALED}}
    for name, value in usual.items():
        if getattr(options, name) != value:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to images, not to --arrays: leave it out")


def fitted_data(options: RecordOptions, inputs: Inputs, images: ImageSet | None) -> FittedData:
    """Return the facts about the data for ``summary.json``."""
    classes, records = inputs.classes, len(inputs.index)
    if images is None:
        name = "" if options.arrays is None else options.arrays.stem
        axes = None if inputs.axes is None else str(inputs.axes)
        return FittedData(name, len(classes), classes, records, axes=axes)
    return FittedData(
        images.name,
        len(classes),
        classes,
        records,
        images=len(images),
        fingerprint=images.fingerprint(),
    )
