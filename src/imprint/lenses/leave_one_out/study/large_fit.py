"""``leave-one-out fit`` by a method other than dense: fit, factor, and queries beside it."""

from __future__ import annotations

from dataclasses import replace

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.large.approximate_inverse import TRIANGLES
from imprint.lenses.leave_one_out.options import FitOptions, MethodChoice
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.dense import report_fit
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large import LargeLeaveOneOut, LargeOutcome
from imprint.lenses.leave_one_out.study.large_answers import answer
from imprint.lenses.leave_one_out.study.large_model import (
    FACTOR,
    memory_bytes,
    open_model,
)
from imprint.study.counted import part_of
from imprint.study.store import Study


def check_factor(options: FitOptions) -> None:
    """Check that a method has a factor that is to be kept.

    Raises:
        ImprintError: it has none.
    """
    if options.keep_factor and options.method in ("dense", "nystrom"):
        raise ImprintError(
            f"--keep-factor does not apply to --method {options.method}: leave it out, or choose "
            "--method exact, hybrid or out_of_core"
        )


def fit_large_study(
    study: Study, fit: GaussianFit, options: FitOptions, queries: Queries | None
) -> FitFindings:
    """Fit many records, keep the factor on wish, and answer queries.

    Raises:
        ImprintError: too little memory or disk, or a solution that does not converge.
    """
    memory = memory_bytes(options.memory, fit.device)
    factor, made = study.path(FACTOR), list[LargeOutcome]()
    step = LargeLeaveOneOut(
        fit,
        part_of(options, MethodChoice),
        options.seed,
        factor if options.keep_factor else None,
        made.append,
    )
    findings = report_fit(conclude(study, step))
    if queries is None and (made or not options.keep_factor):
        return findings
    model = open_model(fit, study.root, options, options, memory, factor)
    # A fit of out_of_core has removed its panels, unless they are kept.
    if made and (options.keep_factor or model.method != "out_of_core"):
        large = made[0].large
        posterior = replace(model.posterior, matrix=large.matrix, invert=lambda: large.inverse)
        model = replace(model, posterior=posterior)
    elif options.keep_factor and model.method in TRIANGLES:
        log(f"keeping the factor in {factor}")
        _ = model.posterior.inverse
    if queries is not None:
        answers = answer(study, model, options, queries)
        findings = replace(findings, queries=answers.queries)
    return findings
