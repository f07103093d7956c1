"""Leave-one-out influence in the audit of a user's model.

Which members would be missed: in closed form, under the kernel of the model's own features and the
limit of its family, and by estimates from the gradients of the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.influence_findings import read_own_findings
from imprint.lenses.leave_one_out.options import OwnLeaveOneOut
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.dense import STEP
from imprint.lenses.leave_one_out.study.own_fit import (
    FEATURES_IN_WORDS,
    INPUTS_IN_WORDS,
    PIXELS_IN_WORDS,
    FitOfMembers,
    choose_members,
    family_of,
    fit_family,
    fit_features,
    fit_inputs,
)
from imprint.lenses.leave_one_out.study.own_influence import (
    INFLUENCE,
    AskedRecords,
    InfluenceOfMembers,
)
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Observed, Wanted
from imprint.study.finding import to_json
from imprint.study.plain import JsonObject
from imprint.study.tables import read_table

FIT, FAMILY = "leave-one-out under the model's features", "leave-one-out at infinite width"
BY_INPUTS = "leave-one-out under a kernel of the inputs"
FAMILY_FOLDER = "infinite_width"
PER_CUBE, PER_PIXEL_PAIR = 1e-9, 5e-9
"""Seconds of a fit per n³, and of a kernel of convolutions per pair, pixel and layer."""
MOST_BYTES = 2**29
"""Of members and tests that are kept as inputs of the network."""
RECORDS_OF_CONVOLUTIONS = 300

PASSES: Mapping[str, float] = {
    "gradient_dot": 2,
    "gradient_cosine": 2,
    "ekfac": 24,
    "representer": 1,
    "trak": 4,
    "tracin": 2,
    "influence_arnoldi": 260,
}
"""Forward and backward passes a record that an estimator takes, the most valuable first."""


def _refuses(model: AuditedModel, options: OwnLeaveOneOut) -> str | None:
    if model.members.targets is None:
        return "the targets of the members are needed"
    if len(model.members) < 3:
        return "at least 3 members are needed"
    if model.task == "classification" and len(np.unique(model.members.targets)) < 2:
        return "all members are of one class"
    return None


def _wants(model: AuditedModel, options: OwnLeaveOneOut) -> Wanted:
    return Wanted(features=model.network is not None)


def _plan(model: AuditedModel, options: OwnLeaveOneOut, pace: Pace) -> list[Part]:
    count = min(options.fitted, len(model.members))
    seconds = 0.5 + PER_CUBE * count**3
    network = model.network
    if network is None:
        return [Part(BY_INPUTS, seconds, "members that others do not make up for", essential=True)]
    parts = [Part(FIT, seconds, "members that others do not make up for", essential=True)]
    asked = _member_count(model, options) + min(options.tests, len(model.tests))
    rounds = max(1, len(model.checkpoints))
    for name in chosen_estimators(model, options):
        passes = PASSES.get(name, 300) * (rounds if name == "tracin" else 1)
        forecast = 0.2 + passes * asked * pace.backward
        parts.append(Part(name, forecast, "influence of members on the model itself"))
    family = family_of(network.module, model.members)
    if family is not None:
        forecast = _family_seconds(model, options, family)
        parts.append(Part(FAMILY, forecast, "the same of the model's family"))
    return parts


def chosen_estimators(model: AuditedModel, options: OwnLeaveOneOut) -> list[str]:
    """Return names of the estimators that may be run, the most valuable first.

    Raises:
        ImprintError: an unknown one.
    """
    from imprint.probe.influence_kit.question import INFLUENCES

    if options.estimators == ("none",):
        return []
    if options.estimators != ("all",):
        return [INFLUENCES.get(name).name for name in options.estimators]
    return [name for name in PASSES if name != "tracin" or model.checkpoints]


def _family_seconds(
    model: AuditedModel, options: OwnLeaveOneOut, family: Mapping[str, object]
) -> float:
    count = _family_count(model, options)
    if family["name"] == "fc":
        return 0.5 + PER_CUBE * count**3
    pixels = float(np.prod(np.minimum(model.members.inputs.shape[1:], 32)))
    return 1 + PER_PIXEL_PAIR * count**2 * pixels * int(str(family["depth"]))


def _family_count(model: AuditedModel, options: OwnLeaveOneOut) -> int:
    most = options.fitted if len(model.members.inputs.shape) == 1 else RECORDS_OF_CONVOLUTIONS
    return min(most, len(model.members))


def _member_count(model: AuditedModel, options: OwnLeaveOneOut) -> int:
    """Return how many members estimators look at: as many inputs as the memory holds."""
    fitting = MOST_BYTES // max(1, 4 * int(np.prod(model.members.inputs.shape)))
    return max(2, min(options.members, len(model.members), fitting))


def _run(run: AuditRun) -> JsonObject:
    options: OwnLeaveOneOut = run.options
    model, members = run.model, run.model.members
    rows = choose_members(members, options.fitted, run.seed)
    if run.has(FIT):
        features = run.observed["members"].require_features()
        step = FitOfMembers(fit_features(members, features, rows), FEATURES_IN_WORDS)
    else:
        words = PIXELS_IN_WORDS if members.images is not None else INPUTS_IN_WORDS
        step = FitOfMembers(fit_inputs(members, rows), words)
    lens = dict(to_json(conclude(run.study, step)))
    if run.has(FAMILY) and model.network is not None:
        family = family_of(model.network.module, members)
        assert family is not None
        rows = choose_members(members, _family_count(model, options), run.seed)
        words = PIXELS_IN_WORDS if len(members.inputs.shape) == 3 else INPUTS_IN_WORDS
        fitted = FitOfMembers(fit_family(members, rows, family), words, FAMILY_FOLDER)
        lens[FAMILY_FOLDER] = to_json(conclude(run.study, fitted))
    names = tuple(name for name in chosen_estimators(model, options) if run.has(name))
    if names and model.network is not None:
        lens[INFLUENCE] = _influence(run, names)
    return {STEP: lens}


def _influence(run: AuditRun, names: tuple[str, ...]) -> JsonObject:
    """Return the findings of the estimators, or why there are none."""
    options: OwnLeaveOneOut = run.options
    rows = choose_members(run.model.members, _member_count(run.model, options), run.seed)
    asked = choose_tests(run.observed["tests"], rows, options.tests)
    step = InfluenceOfMembers(
        run.model, asked, names, options.damping, run.seed, run.observed["tests"].records
    )
    try:
        findings: JsonObject = to_json(conclude(run.study, step))
    except ImprintError as error:
        log(f"influence on the model itself skipped: {error}")
        return {"missing": str(error)}
    return findings


def choose_tests(observed: Observed, members: IntArray, most: int) -> AskedRecords:
    """Return the tests that are asked about: wrong ones, then those of the largest loss.

    Args:
        observed: the tests.
        members: rows of the members that are asked about.
        most: how many tests.
    """
    signals = observed.signals()
    wrong = np.zeros(len(signals.loss), bool) if signals.correct is None else ~signals.correct
    order = np.lexsort((-signals.loss, ~wrong))[:most].astype(np.int64)
    correct = None if signals.correct is None else signals.correct[order]
    return AskedRecords(members, order, signals.loss[order], correct)


def _columns(study: Path) -> dict[str, tuple[IntArray, NDArray[Any]]]:
    """Return how far each member moves the fit, and its influence on itself by estimator."""
    columns = {}
    fitted = study / STEP / "records.parquet"
    if fitted.exists():
        table = read_table(fitted)
        columns["leave_one_out_kl"] = (table["index"], table["kl_out_in"])
    estimated = study / INFLUENCE / "members.parquet"
    if estimated.exists():
        table = read_table(estimated)
        for name in (name for name in table if name not in ("index", "copies")):
            columns[f"self_influence_{name}"] = (table["index"], table[name])
    return columns


AUDIT_LENSES.register("leave_one_out")(
    AuditLens(
        "leave_one_out",
        "Leave-one-out influence",
        40,
        OwnLeaveOneOut,
        _refuses,
        _wants,
        _plan,
        _run,
        read_own_findings,
        _columns,
    )
)
