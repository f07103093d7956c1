"""``leave-one-out fit``, and the leave-one-out step of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.choice import EMBEDDED
from imprint.data.imageset import ImageSet
from imprint.data.places import as_absolute
from imprint.data.split import Partition
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import FitOptions, LeaveOneOutStep
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.dense import STEP, LeaveOneOut, report_fit
from imprint.lenses.leave_one_out.study.fitted import check_fit, double_device
from imprint.lenses.leave_one_out.study.gallery import CARDS, SaveStrongestRecords
from imprint.lenses.leave_one_out.study.inputs import inputs_from_images
from imprint.lenses.leave_one_out.study.large import check_method, check_solver
from imprint.lenses.leave_one_out.study.large_fit import check_factor, fit_large_study
from imprint.lenses.leave_one_out.study.normalisation import (
    NORMALISATION,
    CompareNormalisation,
    check_normalisation,
)
from imprint.lenses.leave_one_out.study.queries import AnswerQueries
from imprint.lenses.leave_one_out.study.records import fitted_data, read_records
from imprint.lenses.leave_one_out.truth.matching import (
    typical_mean_square,
    warn_if_variance_changes,
)
from imprint.report.summary import finish
from imprint.study.finding import to_json
from imprint.study.store import Study


def fit_study(options: FitOptions) -> Mapping[str, Any]:
    """Fit, answer the queries of the file if it has some, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    chosen_kernel(options)
    check_method(options, options.noise)
    check_solver(options, options.method)
    check_factor(options)
    options = with_absolute_paths(options)
    study, device = Study(options.out), double_device(options.device)
    dense = options.method == "dense"
    with study.locked(), one_thread_a_sum():
        inputs, images, queries = read_records(options)
        check_normalisation(options.own_statistics, inputs, options.scaling, options.method)
        if queries is not None and inputs.kind == "values" and not dense:
            raise ImprintError(
                f"queries of real values need --method dense, not {options.method}: leave them out"
            )
        fit = check_fit(inputs, options, device, dense, "--method auto, or ")
        if options.w_std is None and isinstance(fit.kernel, FullyConnected):
            typical = typical_mean_square(fit.values)
            warn_if_variance_changes(fit.kernel, typical, "--w-std sets another")
        if dense:
            findings = report_fit(conclude(study, LeaveOneOut(fit)))
            if queries is not None:
                settled = fit.settled(findings.noise)
                answers = conclude(study, AnswerQueries(settled, queries))
                findings = replace(findings, queries=answers)
        else:
            findings = fit_large_study(study, fit, options, queries)
        if images is not None:
            study.run(SaveStrongestRecords(images, CARDS, study.path(STEP)))
        lenses = {STEP: to_json(findings)}
        if options.own_statistics:
            step = CompareNormalisation(fit, options.own_statistics, options.seed)
            lenses[NORMALISATION] = to_json(conclude(study, step))
        data = fitted_data(options, inputs, images)
        return finish(study, options, to_json(data), lenses)


def with_absolute_paths(options: FitOptions) -> FitOptions:
    """Return options whose files are found from any folder: a query reads them again later."""
    data = options.data if options.data == EMBEDDED else as_absolute(options.data)
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
) -> Mapping[str, Any]:
    """Return the findings by lens for the images of A and B, nothing when the step is skipped.

    Images of one class alone cannot be classified: that is reported, and no error.
    """
    if choice.skip:
        return {}
    index = np.unique(np.concatenate([partition.train_a, partition.train_b]))
    if len(np.unique(images.labels[index])) < 2:
        log("leave-one-out skipped: the images of A and B are all of one class")
        return {}
    inputs = inputs_from_images(images, index, choice, seed)
    with one_thread_a_sum():
        fit = check_fit(inputs, choice, double_device(device))
        findings = report_fit(conclude(study, LeaveOneOut(fit)))
    study.run(SaveStrongestRecords(images, CARDS, study.path(STEP)))
    return {STEP: to_json(findings)}
