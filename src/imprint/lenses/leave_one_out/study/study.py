"""``leave-one-out fit``, and the step of an audit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.choice import EMBEDDED, open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.options import LeaveOneOutChoice
from imprint.lenses.leave_one_out.study.asked import query_step
from imprint.lenses.leave_one_out.study.fit import (
    check_fit,
    double_device,
    leave_one_out_steps,
)
from imprint.lenses.leave_one_out.study.gallery import gallery_step
from imprint.lenses.leave_one_out.study.inputs import (
    Inputs,
    Queries,
    inputs_from_arrays,
    inputs_from_images,
    queries_from,
    read_arrays,
)
from imprint.lenses.leave_one_out.study.large import NO_QUERIES, check_method, large_steps
from imprint.lenses.leave_one_out.study.options import (
    FitOptions,
    LeaveOneOutStep,
    RecordOptions,
)
from imprint.lenses.leave_one_out.truth.matching import tell_variances, typical_mean_square
from imprint.report.summary import finish
from imprint.study.options import DataChoice
from imprint.study.store import Study

SCALED = ("scaling", "input_size")
"""Options that say how images become inputs."""


def fit_study(options: FitOptions) -> dict[str, Any]:
    """Fit, ask the queries of the file if it has some, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    chosen_kernel(options)
    check_method(options, options.noise)
    options = located(options)
    study, device = Study(options.out), double_device(options.device)
    dense = options.method == "dense"
    with study.locked(), one_thread_a_sum():
        inputs, images, queries = read_fitted(options)
        found = check_fit(inputs, options, device, dense, "--method auto, or ")
        if options.w_std is None and isinstance(found.kernel, FullyConnected):
            typical = typical_mean_square(found.values)
            tell_variances(found.kernel, typical, "--w-std says another")
        if dense:
            findings = leave_one_out_steps(study, found)
        else:
            findings = large_steps(study, found, options, options.seed)
        if queries is not None:
            findings["queries"] = (
                query_step(study, found, queries) if dense else {"missing": NO_QUERIES}
            )
        if images is not None:
            gallery_step(study, images)
        return finish(
            study, options, facts_of(options, inputs, images), {"leave_one_out": findings}
        )


def located(options: FitOptions) -> FitOptions:
    """Return options whose files are found from everywhere: a query reads them again later."""
    data = options.data if options.data == EMBEDDED else str(Path(options.data).resolve())
    arrays = None if options.arrays is None else options.arrays.resolve()
    boxes = None if options.boxes is None else options.boxes.resolve()
    return replace(options, data=data, arrays=arrays, boxes=boxes)


def audit_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    choice: LeaveOneOutStep,
    seed: int,
    device: str,
) -> dict[str, Any]:
    """Return the findings by lens for the images of A and B, nothing when the step is skipped.

    Images of one class alone have nothing to be told apart by: that is told, and no error.
    """
    if choice.skip:
        return {}
    index = np.unique(np.concatenate([partition.train_a, partition.train_b]))
    if len(np.unique(images.labels[index])) < 2:
        log("leave-one-out left out: the images of A and B are all of one class")
        return {}
    inputs = inputs_from_images(images, index, choice, seed)
    with one_thread_a_sum():
        findings = leave_one_out_steps(study, check_fit(inputs, choice, double_device(device)))
    gallery_step(study, images)
    return {"leave_one_out": findings}


def read_fitted(options: RecordOptions) -> tuple[Inputs, ImageSet | None, Queries | None]:
    """Return the records, the images they are from, and the queries beside them."""
    if options.arrays is None:
        images = open_choice(options, options.seed)
        if options.channels is not None:
            raise ImprintError("--channels applies to --arrays, not to images: leave it out")
        every = usable_indices(images)
        return inputs_from_images(images, every, options, options.seed), images, None
    _refuse_with_arrays(options)
    arrays = read_arrays(options.arrays)
    inputs = inputs_from_arrays(
        options.arrays, arrays, options, options.seed, channels=options.channels
    )
    if inputs.axes is not None:
        log(f"{options.arrays.name}: {len(arrays['x'])} images of {inputs.axes}")
    if "queries" not in arrays:
        return inputs, None, None
    return inputs, None, queries_from(inputs, options.arrays, arrays)


def _refuse_with_arrays(options: RecordOptions) -> None:
    """Refuse options of images that were set, but would be ignored."""
    usual = {**vars(DataChoice()), **{name: getattr(LeaveOneOutChoice(), name) for name in SCALED}}
    for name, value in usual.items():
        if getattr(options, name) != value:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to images, not to --arrays: leave it out")


def facts_of(options: RecordOptions, inputs: Inputs, images: ImageSet | None) -> dict[str, Any]:
    """Return what is told of the data in ``summary.json``."""
    facts: dict[str, Any] = {"classes": len(inputs.classes), "class_names": list(inputs.classes)}
    if images is None:
        assert options.arrays is not None
        if inputs.axes is not None:
            facts["axes"] = str(inputs.axes)
        return {"name": Path(options.arrays).stem, "records": len(inputs.index), **facts}
    fitted = {"images": len(images), "records": len(inputs.index)}
    return {"name": images.name, **fitted, **facts, "fingerprint": images.fingerprint()}
