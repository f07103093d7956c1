"""A user's model with members and tests, asked from Python without a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.records.records import Records
from imprint.lenses.leave_one_out.influence_findings import InfluenceFindings
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.own_fit import fit_features, fit_inputs
from imprint.lenses.leave_one_out.study.own_influence import (
    AskedRecords,
    ask,
    conclude_influence,
    copies_among,
    estimate,
)
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.observation.audited_model import AuditedModel
from imprint.observation.observe import BATCH, FEATURES, Observed, Wanted, observe_batch
from imprint.probe.influence_kit.question import Attribution


def influence_of(
    model: AuditedModel, estimators: Sequence[str], damping: float, seed: int
) -> tuple[dict[str, Attribution], InfluenceFindings]:
    """Return every estimate of the influence of all members on all tests, and the findings.

    Raises:
        ImprintError: the model is no PyTorch network, an unknown estimator, or none that runs.
    """
    if model.network is None:
        raise ImprintError(
            f"influence needs the gradients of a PyTorch network, and {model.predictor.name} is "
            "none: use leave_one_out.fit(model=…) instead"
        )
    tests = model.tests
    signals = Observed(tests, model, _outputs(model, tests), None, None).signals()
    rows, columns = np.arange(len(model.members)), np.arange(len(tests))
    asked = AskedRecords(rows, columns, signals.loss, signals.correct)
    trained = ask(model, tests, asked, damping, seed)
    attributions, skipped = estimate(trained, estimators)
    if not attributions:
        raise ImprintError("; ".join(skipped.values()) or "name one estimator or more")
    first = copies_among(model.members, rows)
    findings = conclude_influence(
        trained, attributions, skipped, asked, first, (model.members, tests), seed
    )
    return attributions, findings


def fit_of(model: AuditedModel) -> GaussianFit:
    """Return the fit of all members under the kernel of the model's features, or of its inputs."""
    rows = np.arange(len(model.members))
    if model.network is None:
        return fit_inputs(model.members, rows)
    return fit_features(model.members, _features(model.network, model.members), rows)


def _outputs(model: AuditedModel, records: Records) -> Any:
    parts = []
    for rows, inputs in records.batches(BATCH, f"run the model on {records.name}"):
        targets = None if records.targets is None else records.targets[rows]
        parts.append(model.predictor.predict(inputs, targets))
    return np.concatenate(parts)


def _features(network: NetworkPredictor, records: Records) -> Any:
    wanted = Wanted(features=True)
    return np.concatenate(
        [
            observe_batch(network, inputs, wanted)[0][FEATURES]
            for _, inputs in records.batches(BATCH, f"run the model on {records.name}")
        ]
    )
