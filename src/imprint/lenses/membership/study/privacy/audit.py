"""``membership privacy``: an empirical lower bound on ε of one training, beside its accounted ε.

Every canary goes into the training set by a fair coin of its own, whatever all others do, and the
model is trained once. Under (ε, δ)-privacy with respect to one record, added or removed, a score
of the model reveals so little of each coin, given all the others, that the number of right guesses
lies below a binomial one with success e^ε / (1 + e^ε), but for the part of δ (Steinke, Nasr,
Jagielski, NeurIPS 2023). So many right guesses on one model refute a small ε. It takes that

- coins are independent and fair (:func:`imprint.train.cohort.masks.coin_flips`), labels, other
  records and seeds do not depend on them, and the schedule of DP-SGD does not count members;
- the attacker has nothing but the model, and how many guesses are made is fixed before;
- the DP-SGD under test is accounted for adding or removing one record, as Poisson sampling is.

A score is the logit margin in the label that the canary is trained with; on one model the loss
puts canaries in the same order, and saturates earlier. What a reference model explains of it is
subtracted: one trained alike on everything but the canaries, which depends on no coin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.files import usable_indices
from imprint.data.view import View
from imprint.lenses.membership.privacy.choices import budget_choice
from imprint.lenses.membership.privacy.coins import Coins, check_coins
from imprint.lenses.membership.privacy_findings import (
    AuditedModel,
    CanaryCounts,
    PrivacyFindings,
)
from imprint.lenses.membership.study.models import Model, trained_model
from imprint.lenses.membership.study.privacy.canaries import Canaries, choose_canaries
from imprint.lenses.membership.study.privacy.options import DEFAULT_EPSILON, PrivacyOptions
from imprint.lenses.membership.study.privacy.steps import (
    BY_TRAINING_LABEL,
    BY_TRUE_LABEL,
    MODEL,
    BoundEpsilon,
    ScoreCanaries,
    reference_name,
)
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.signals import signal_steps
from imprint.nets.load import NetworkFile
from imprint.probe.signals.signal import SignalOptions
from imprint.report.summary import finish
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import plan_models

NOT_PRIVATE = "not-private"
SIGNALS = SignalOptions(signals=("margin", "correct"))


@dataclass(frozen=True)
class AuditedTraining:
    """One training that is audited: the name of its folder and tables, and its options."""

    name: str
    options: CohortOptions


def audit_privacy(options: PrivacyOptions) -> JsonObject:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: images or options that cannot be used, a study made with other settings;
            and, when all is written, a lower bound above the accounted ε.
    """
    study, device = Study(options.out), choose_device(options.device)
    budget_choice(options.budget, options.seed, options.choice)
    with study.locked():
        images = open_choice(options, options.seed)
        canaries = choose_canaries(
            View(images, usable_indices(images)).read(options.train.input_size),
            options.canaries,
            options.canary_kind,
            derive(options.seed, "privacy"),
            options.calibrate,
        )
        coins = check_canaries(canaries)
        check_budgets(study, canaries, options)
        findings = PrivacyFindings(
            CanaryCounts(coins.canaries, coins.members, options.canary_kind, coins.p_value),
            options.calibrate,
            options.train.delta,
            confidence_per_model(options),
            options.method,
            tuple(
                audit_training(study, canaries, training, options, device)
                for training in list_trainings(options)
            ),
        )
        summary = finish(
            study,
            options,
            image_facts(canaries.plain),
            {"membership": {"privacy": to_json(findings)}},
        )
    raise_if_refuted(findings)
    return summary


def check_canaries(canaries: Canaries) -> Coins:
    """Return how the coins fell; refuse those that look unfair before a model is trained.

    Raises:
        ImprintError: fair coins hardly give such a member count.
    """
    coins = check_coins(canaries.members)
    if coins.doubt is not None:
        raise ImprintError(f"{coins.doubt}, with another --seed")
    return coins


def check_budgets(study: Study, canaries: Canaries, options: PrivacyOptions) -> None:
    """Refuse an ε that no noise reaches before the first model is trained.

    Raises:
        ImprintError: Opacus is missing, no noise reaches an ε, or one is beyond the accountant.
    """
    from imprint.train.cohort.private import check_noise

    for training in list_trainings(options):
        if not training.options.private or study.path(f"runs/{training.name}/{MODEL}").exists():
            continue
        members, seed = canaries.masks.members, training_seed(options, training)
        rows = range(len(members))
        plans = plan_models(members, rows, training.options, seed, canaries.expected)
        check_noise(plans, training.options)


def list_trainings(options: PrivacyOptions) -> list[AuditedTraining]:
    """Return what is trained: a model for every ε or noise, and one without DP."""
    train = options.train
    if train.noise_multiplier:
        trainings = [AuditedTraining(f"noise-{train.noise_multiplier:g}", train)]
    else:
        targets = options.epsilons or (train.epsilon or DEFAULT_EPSILON,)
        trainings = [
            AuditedTraining(f"epsilon-{target:g}", replace(train, epsilon=target))
            for target in targets
        ]
    if options.compare:
        without = replace(train, epsilon=0.0, noise_multiplier=0.0)
        trainings.append(AuditedTraining(NOT_PRIVATE, without))
    return trainings


def training_seed(options: PrivacyOptions, training: AuditedTraining) -> int:
    """Return the seed of weights, order, sampling and noise, apart from every other training's."""
    return derive(options.seed, "privacy run", training.name)


def confidence_per_model(options: PrivacyOptions) -> float:
    """Return the confidence of every bound, so that all hold together at that of the options.

    The command fails when any bound exceeds the accounted ε; each model trained by DP-SGD gets its
    part of the error (Bonferroni).
    """
    private = sum(training.options.private for training in list_trainings(options))
    return 1 - (1 - options.confidence) / max(1, private)


def audit_training(
    study: Study,
    canaries: Canaries,
    training: AuditedTraining,
    options: PrivacyOptions,
    device: torch.device,
) -> AuditedModel:
    """Train a model and its reference, take their margins, and bound ε."""
    models = train_models(study, canaries, training, training_seed(options, training), device)
    take_margins(study, canaries, models, device)
    scores = ScoreCanaries(
        name=training.name,
        index=canaries.index,
        members=canaries.members,
        calibrate=options.calibrate,
        study=study,
    )
    study.run(scores)
    bounds = BoundEpsilon(
        name=training.name,
        budget=options.budget,
        choice=options.choice,
        splits=options.splits,
        confidence=confidence_per_model(options),
        delta=training.options.delta,
        seed=options.seed,
        study=study,
    )
    return read_finding(AuditedModel, study.run(bounds))


def train_models(
    study: Study, canaries: Canaries, training: AuditedTraining, seed: int, device: torch.device
) -> list[Model]:
    """Train a model and maybe its reference into ``runs/NAME``, all on the same coins."""
    log(f"run {training.name}")
    run = train_cohort(
        Study(study.path(f"runs/{training.name}")),
        canaries.marked,
        canaries.masks,
        training.options,
        seed,
        device,
        canaries.expected,
    )
    names = (training.name, reference_name(training.name))
    return [
        trained_model(name, NetworkFile(weights))
        for name, weights in zip(names, run.weights, strict=False)
    ]


def take_margins(
    study: Study, canaries: Canaries, models: Sequence[Model], device: torch.device
) -> None:
    """Take margins under the labels of training, and what is right under the true ones."""
    index = np.concatenate([canaries.index, canaries.others])
    records = RecordPool(index=index, population=np.empty(0, dtype=np.int64))
    for folder, images in ((BY_TRAINING_LABEL, canaries.marked), (BY_TRUE_LABEL, canaries.plain)):
        signal_steps(study, folder, models, images, records, SIGNALS, device)


def raise_if_refuted(findings: PrivacyFindings) -> None:
    """Stop where a guarantee is refuted, so that no script can overlook it.

    Raises:
        ImprintError: a lower bound exceeds the accounted ε.
    """
    for model in findings.runs:
        if model.exceeds_accounted(findings.method):
            bound = model.bounds[findings.method]
            raise ImprintError(
                f"{model.name}: accounted ε is {model.accounted.epsilon:.3g}, but the audit proves "
                f"at least {bound.proven:.3g} at {bound.confidence:g} confidence: this DP training "
                "leaks more than it accounts for; see the report"
            )
