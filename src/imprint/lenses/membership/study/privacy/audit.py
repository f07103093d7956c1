"""``membership privacy``: what an attack on one model proves of ε, beside what was accounted.

Every canary goes into the training set by a fair coin of its own, whatever all others do, and the
model is trained once. Under (ε, δ)-privacy with respect to one record, added or removed, a score
of the model tells so little of each coin, given all the others, that the number of right guesses
lies below a binomial one with success e^ε / (1 + e^ε), but for the part of δ (Steinke, Nasr,
Jagielski, NeurIPS 2023). So many right guesses on one model refute a small ε. It takes that

- coins are independent and fair (:func:`imprint.train.cohort.masks.coin_flips`), labels, other
records
  and seeds know nothing of them, and the schedule of DP-SGD does not count members;
- who guesses has nothing but the model, and how many guesses are made is fixed before;
- the DP-SGD under test is accounted for adding or removing one record, as Poisson sampling is.

A score is the logit margin in the label that the canary is trained with; on one model the loss
puts canaries in the same order, and saturates earlier. What a reference model explains of it is
taken away: one trained alike on everything but the canaries, which never met a coin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.files import usable_indices
from imprint.data.view import View
from imprint.lenses.membership.privacy.audit import one_run_bounds
from imprint.lenses.membership.privacy.calibration import subtract_explained
from imprint.lenses.membership.privacy.choices import Budget, Choice, budget_choice
from imprint.lenses.membership.privacy.coins import Coins, check_coins
from imprint.lenses.membership.study.models import Model, trained_model
from imprint.lenses.membership.study.privacy.canaries import Canaries, choose_canaries
from imprint.lenses.membership.study.privacy.options import DEFAULT_EPSILON, PrivacyOptions
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.signals import signal_steps
from imprint.nets.load import NetworkFile, read_card
from imprint.probe.signals.signal import SignalOptions
from imprint.report.summary import finish
from imprint.stats import proportion
from imprint.study.store import Study, read_json, write_json
from imprint.study.tables import read_table, write_table
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.cohort_engines import WEIGHTS
from imprint.train.cohort.cohort_options import CohortOptions
from imprint.train.cohort.cohort_plan import plan_models

NOT_PRIVATE = "not-private"
MODEL = "models/0000"
BY_GIVEN, BY_TRUE = "signals", "true_labels"
"""Folders of the tables under the labels of training, and under those of the set."""
SIGNALS = SignalOptions(signals=("margin", "correct"))


@dataclass(frozen=True)
class Run:
    """One model to be trained and audited.

    Attributes:
        name: of its folder and tables.
        options: of its training.
    """

    name: str
    options: CohortOptions


def audit_privacy(options: PrivacyOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: images or options that cannot be used, a study made with other settings;
            and, when all is written, a bound above ε as accounted.
    """
    study, device = Study(options.out), choose_device(options.device)
    with study.locked():
        images = open_choice(options, options.seed)
        everything = usable_indices(images)
        canaries = choose_canaries(
            View(images, everything).read(options.train.input_size),
            options.canaries,
            options.canary_kind,
            derive(options.seed, "privacy"),
            options.calibrate,
        )
        coins = check_canaries(canaries)
        check_budgets(study, canaries, options)
        choice = budget_choice(options.budget, options.seed)
        found = []
        for run in list_runs(options):
            models = train_run(study, canaries, run, options.seed, device)
            ask(study, canaries, models, device)
            write_scores(study, canaries, models)
            found.append(bound_step(study, canaries, run, choice, options))
        findings = {
            "canaries": {
                "count": len(canaries.index),
                "members": int(canaries.members.sum()),
                "kind": options.canary_kind,
                "coins_p_value": coins.p_value,
            },
            "calibrated": options.calibrate,
            "delta": options.train.delta,
            "confidence": confidence_of_each(options),
            "method": options.method,
            "runs": found,
        }
        summary = finish(
            study, options, image_facts(canaries.plain), {"membership": {"privacy": findings}}
        )
    tell_refuted(found, options.method)
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
    """Refuse an ε that no run can be trained to before the first model is trained.

    Raises:
        ImprintError: Opacus is missing, no noise reaches an ε, or one is beyond the accountant.
    """
    from imprint.train.cohort.private import check_noise

    for run in list_runs(options):
        if run.options.private and not study.path(f"runs/{run.name}/{MODEL}").exists():
            members, seed = canaries.masks.members, derive(options.seed, "privacy run", run.name)
            plans = plan_models(members, range(len(members)), run.options, seed, canaries.expected)
            check_noise(plans, run.options)


def list_runs(options: PrivacyOptions) -> list[Run]:
    """Return what is trained: a model for every ε or noise, and one without DP."""
    train = options.train
    if train.noise:
        runs = [Run(f"noise-{train.noise:g}", train)]
    else:
        targets = options.epsilons or (train.epsilon or DEFAULT_EPSILON,)
        runs = [Run(f"epsilon-{target:g}", replace(train, epsilon=target)) for target in targets]
    if options.compare:
        runs.append(Run(NOT_PRIVATE, replace(train, epsilon=0.0, noise=0.0)))
    return runs


def train_run(
    study: Study, canaries: Canaries, run: Run, seed: int, device: torch.device
) -> list[Model]:
    """Train the model of a run, and its reference, into ``runs/NAME``, all on the same coins.

    Initial weights, order, sampling and noise are of (seed, name), apart from every other run's.
    """
    log(f"run {run.name}")
    made = train_cohort(
        Study(study.path(f"runs/{run.name}")),
        canaries.marked,
        canaries.masks,
        run.options,
        derive(seed, "privacy run", run.name),
        device,
        canaries.expected,
    )
    names = (run.name, f"{run.name}-reference")
    return [
        trained_model(name, NetworkFile(weights))
        for name, weights in zip(names, made.weights, strict=False)
    ]


def ask(study: Study, canaries: Canaries, models: Sequence[Model], device: torch.device) -> None:
    """Take margins under the labels of training, and what is right under the true ones."""
    nothing: IntArray = np.empty(0, dtype=np.int64)
    index = np.concatenate([canaries.index, canaries.others])
    records = Pool(index=index, population=nothing)
    for folder, images in ((BY_GIVEN, canaries.marked), (BY_TRUE, canaries.plain)):
        signal_steps(study, folder, models, images, records, SIGNALS, device)


def write_scores(study: Study, canaries: Canaries, models: Sequence[Model]) -> None:
    """Write ``tables/privacy/NAME.parquet``: index, score and coin of every canary."""
    asked = tuple(f"tables/{BY_GIVEN}/{model.name}.parquet" for model in models)

    def build(path: Path) -> None:
        own, *reference = (
            read_table(study.path(name))["margin.identity"].astype(np.float64) for name in asked
        )
        count = len(canaries.index)
        scores = subtract_explained(own[:count], reference[0][:count]) if reference else own[:count]
        columns = {"index": canaries.index, "score": scores, "member": canaries.members}
        write_table(path, columns)

    settings = {"members": canaries.masks.hash()}
    study.step(f"tables/privacy/{models[0].name}.parquet", settings, build, asked)


def confidence_of_each(options: PrivacyOptions) -> float:
    """Return the confidence of every bound, so that all hold together at the one asked for.

    The command fails when any bound exceeds what was accounted; each run under DP gets its part of
    the error (Bonferroni).
    """
    private = sum(run.options.private for run in list_runs(options))
    return 1 - (1 - options.confidence) / max(1, private)


def bound_step(
    study: Study, canaries: Canaries, run: Run, choice: Choice[Budget], options: PrivacyOptions
) -> dict[str, Any]:
    """Bound ε of one run, into ``privacy/NAME.json``; return what that holds."""
    scored, trained = f"tables/privacy/{run.name}.parquet", f"runs/{run.name}/{MODEL}"
    asked = [f"tables/{folder}/{run.name}.parquet" for folder in (BY_GIVEN, BY_TRUE)]

    def build(path: Path) -> None:
        table = read_table(study.path(scored))
        bounds = one_run_bounds(
            table["score"],
            table["member"],
            choice,
            run.options.delta,
            confidence_of_each(options),
            options.seed,
        )
        right = (read_table(study.path(name))["correct.identity"] for name in asked)
        found = {
            "name": run.name,
            "accounted": accounted(study.path(trained) / WEIGHTS),
            "bounds": {method: bound.to_dict() for method, bound in bounds.items()},
            "accuracy": accuracies(canaries.members, *right),
        }
        write_json(path, found)

    settings = {
        "budget": list(options.budget),
        "confidence": confidence_of_each(options),
        "delta": run.options.delta,
        "seed": options.seed,
    }
    found: dict[str, Any] = read_json(
        study.step(f"privacy/{run.name}.json", settings, build, (trained, scored, *asked))
    )
    return found


def accounted(weights: Path) -> dict[str, Any]:
    """Return what the accountant says of a model, or that nothing was accounted."""
    privacy: dict[str, Any] | None = read_card(weights).training.get("privacy")
    if privacy is None:
        return {"missing": "trained without DP-SGD, so no ε bounds what it leaks"}
    if privacy["epsilon"] is None:
        return {"missing": "the noise is too small for any finite ε", **privacy}
    return privacy


def accuracies(members: BoolArray, given: BoolArray, true: BoolArray) -> dict[str, Any]:
    """Return the share of records that a model gets right, by kind, as estimates.

    Args:
        members: bool ``[m]``, the coins.
        given: bool ``[m + q]``, right under the labels of training; canaries before others.
        true: bool ``[m + q]``, right under the labels of the set.

    Returns:
        Canaries that it was trained on and canaries that it was not, under the label they would
        be trained with; other members; and, as held-out records, canaries it was not trained on
        under their own label.
    """
    count = len(members)
    parts = {
        "canaries_in": given[:count][members],
        "canaries_out": given[:count][~members],
        "members": true[count:],
        "held_out": true[:count][~members],
    }
    return {
        name: proportion(int(right.sum()), len(right)).to_dict()
        if len(right)
        else {"missing": "there are none"}
        for name, right in parts.items()
    }


def is_refuted(found: Mapping[str, Any], method: str) -> bool:
    """Return whether the bound of a run exceeds the ε that was accounted for it."""
    limit = found["accounted"].get("epsilon")
    return limit is not None and found["bounds"][method]["epsilon"] > limit


def tell_refuted(runs: Sequence[Mapping[str, Any]], method: str) -> None:
    """Stop where a guarantee is refuted, so that no script can overlook it.

    Raises:
        ImprintError: a bound exceeds ε as accounted.
    """
    for found in runs:
        if is_refuted(found, method):
            bound = found["bounds"][method]
            raise ImprintError(
                f"{found['name']}: accounted ε is {found['accounted']['epsilon']:.3g}, but the "
                f"audit proves at least {bound['epsilon']:.3g} at {bound['confidence']:g} "
                "confidence: this DP training leaks more than it accounts for; see the report"
            )
