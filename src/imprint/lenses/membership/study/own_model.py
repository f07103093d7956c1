"""Membership inference in the audit of a user's model: signals, shadow models, attacks.

The attacked records are members and a random half of the non-members; the other half is the
population. Records that occur twice count once, and a non-member that copies a member is left out:
the model was trained on it, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import warn
from imprint.data.records.copies import first_equal
from imprint.data.records.joined import joined_views
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.attack_kit.slices import collect_groupings
from imprint.lenses.membership.attack_kit.triage import triage
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.findings import (
    BothSides,
    MembershipFindings,
    ShadowFit,
    Triage,
    best_attack,
)
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.study.copies import describe_copies
from imprint.lenses.membership.study.fit import (
    warn_if_network_near_chance,
    warn_if_shadows_fit_differently,
)
from imprint.lenses.membership.study.gallery import MAX_CARDS, ExposedGallery
from imprint.lenses.membership.study.options import OwnMembershipChoice
from imprint.lenses.membership.study.own_shadows import ShadowSignals, TrainShadow, read_shadows
from imprint.lenses.membership.study.own_signals import NetworkSignals, network_kinds
from imprint.lenses.membership.study.records import AttackedRecords, choose_records
from imprint.lenses.membership.study.trials import (
    list_trials,
    run_trials,
    standard_controls,
    write_trials,
)
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Observed, Wanted
from imprint.probe.record_outputs import (
    SMALLEST_PROBABILITY,
    RecordSignals,
    error_scale,
    probability_floor,
)
from imprint.report.wording import plural
from imprint.study.counted import uncounted
from imprint.study.finding import from_json, read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.tables import read_table, write_table
from imprint.train.cohort.masks import balanced_masks

ATTACKS, CURVATURE, GRADIENTS, SHADOWS = "attacks", "curvature", "gradients", "shadow models"
LIKELIHOOD_RATIOS = "likelihood-ratio attacks such as LiRA and RMIA, the strongest"
MEMORIZATION = "memorization.parquet"
MAX_CLASS_SLICES = 100
"""Classes up to which figures are also given by class."""
SHADOW_COUNTS = (64, 32, 16, 8, 4)
"""Counts of shadow models that the plan chooses among where the user names none."""


@dataclass(frozen=True, kw_only=True)
class OwnMembershipSettings(OwnMembershipChoice):
    """The choice of the user, and how many shadow models the plan is to weigh."""

    shadows: int = -1
    """Shadow models to train; -1: as many as the budget allows, 0 for none."""


@dataclass(frozen=True)
class AttackObserved(Step):
    """Run all attacks on what is known of the model.

    Attributes:
        options: of the lens.
        seed: of the population and the controls.
        groups: names ``[N]``, the user's group of each attacked record; None for none.
        classes: names ``[N]``, the class of each; None where there are none, or too many.
        records: that are attacked, and the population.
        signals: of every record of both sets.
        tables: signals of the network that take further passes, by artefact.
        masks: bool ``[K, N]``, which shadow model was trained on which attacked record.
        shadows: signals of the shadow models on attacked records and population.
    """

    options: OwnMembershipSettings
    seed: int
    groups: NDArray[Any] | None
    classes: NDArray[Any] | None = uncounted()
    records: AttackedRecords = uncounted()
    signals: RecordSignals = uncounted()
    tables: Mapping[str, Mapping[str, FloatArray]] = uncounted()
    masks: BoolArray | None = uncounted()
    shadows: ShadowSignals | None = uncounted()
    shadow_names: tuple[str, ...] = uncounted(default=())

    artefact = "membership"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the model and the shadow models said."""
        return ("observed/members", "observed/non_members", *self.tables, *self.shadow_names)

    def build(self, path: Path) -> None:
        """Write a table of scores an attack, ``exposure.parquet`` and ``findings.json``.

        From shadow models ``memorization.parquet`` as well, a row per attacked record.
        """
        path.mkdir(exist_ok=True)
        records, settings = self.records, self.options.attack_settings
        evidence = self._evidence()
        controls = standard_controls(evidence, records.members, settings, self.seed)
        scores, findings = run_trials(
            list_trials(choose_attacks(self.options.attacks), evidence),
            evidence,
            records.members,
            settings,
            self.seed,
            controls if self.options.controls else None,
        )
        if self.shadows is not None and self.shadows.correct is not None:
            assert self.masks is not None
            right = self.shadows.correct[:, : len(records.index)]
            write_memorization(path / MEMORIZATION, records.index, self.masks, right)
            fit = BothSides(float(right[self.masks].mean()), float(right[~self.masks].mean()))
            findings = replace(findings, shadows=ShadowFit(len(right), fit))
        correct = self.signals.correct
        groupings = collect_groupings(
            len(records.index),
            self.classes,
            None if correct is None else correct[records.index],
            self.groups,
        )
        write_trials(path, scores, findings, records, groupings, self.seed)

    def _evidence(self) -> Evidence:
        """Return what attacks may read."""
        kinds = {"phi": self.signals.phi, "mentr": self.signals.mentr}
        columns = {
            kind: values[self.records.every] for kind, values in kinds.items() if values is not None
        }
        for table in self.tables.values():
            columns |= table
        attacked = len(self.records.index)
        references = None
        if self.shadows is not None and self.masks is not None:
            phi = self.shadows.phi[:, None]
            references = References(
                Cohort({"phi": phi[..., :attacked]}, self.masks, {"phi": phi[..., attacked:]})
            )
        return Evidence(
            {kind: values[None, :attacked] for kind, values in columns.items()},
            references,
            {kind: values[None, attacked:] for kind, values in columns.items()},
        )


def write_memorization(file: Path, index: IntArray, members: BoolArray, correct: BoolArray) -> None:
    """Write ``index``, ``memorization``, its standard ``error`` and counts of models, by record.

    Args:
        file: Parquet.
        index: int64 ``[N]``, the attacked records.
        members: bool ``[K, N]``, which shadow model was trained on which.
        correct: bool ``[K, N]``, which it gets right.
    """
    estimate = estimate_memorization(members, correct)
    write_table(
        file,
        {
            "index": index,
            "memorization": estimate.score,
            "error": estimate.error,
            "models_in": estimate.models_in,
            "models_out": estimate.models_out,
        },
    )


def attacked_records(members: Observed, others: Observed, seed: int) -> AttackedRecords:
    """Return the records to attack and the population, every record once.

    Raises:
        ImprintError: too few records, or too few that differ.
    """
    chosen = choose_records(len(members), len(others), 0, seed)
    first = first_equal([members.records, others.records])
    copy_of_member = first < len(members)
    attacked, apart = chosen.index, chosen.population
    kept = attacked[first[attacked] == attacked]
    # Of copies among non-members the first stays, whether it is attacked or population.
    population = apart[first[apart] == apart]
    inside = kept < len(members)
    if min(inside.sum(), (~inside).sum()) < 2 or not len(population):
        raise ImprintError(
            "too few members, non-members or population are left without exact copies: give "
            "non-members that the model was not trained on"
        )
    left_out = len(attacked) + len(apart) - len(kept) - len(population)
    return replace(
        chosen,
        index=kept,
        members=inside,
        population=population,
        copies=left_out,
        member_copies=int(np.count_nonzero(copy_of_member[len(members) :])),
    )


def own_classes(model: AuditedModel, records: AttackedRecords) -> NDArray[Any] | None:
    """Return the class of each attacked record; None of other tasks, or of too many classes."""
    labels = model.members.labels, model.non_members.labels
    names = np.array(model.members.classes)
    if labels[0] is None or labels[1] is None or not 1 < len(names) <= MAX_CLASS_SLICES:
        return None
    classes: NDArray[Any] = names[np.concatenate([labels[0], labels[1]])[records.index]]
    return classes


def own_groups(model: AuditedModel, records: AttackedRecords) -> NDArray[Any] | None:
    """Return the user's group of each attacked record; None unless both sets have groups."""
    groups = model.members.groups, model.non_members.groups
    if groups[0] is None or groups[1] is None:
        return None
    columns = [np.asarray(each).astype(str) for each in groups]
    return np.concatenate(columns)[records.index]


def joined_signals(members: Observed, others: Observed) -> RecordSignals:
    """Return the signals of members, then of non-members."""
    scale, floor = None, SMALLEST_PROBABILITY
    if members.model.task == "regression" and others.records.targets is not None:
        scale = error_scale(others.outputs, others.records.targets)
    if members.model.predictor.kind == "probabilities":
        floor = probability_floor([members.outputs, others.outputs])
    return RecordSignals.joined([each.signals(scale, floor) for each in (members, others)])


def first_look(signals: RecordSignals, records: AttackedRecords) -> Triage | None:
    """Return the triage; None of a model of which it is not known when it is right."""
    if signals.correct is None:
        return None
    correct: BoolArray = signals.correct[records.index]
    return triage(signals.phi[records.index], correct, records.members)


def _refuses(model: AuditedModel, options: OwnMembershipSettings) -> str | None:
    if len(model.members) < 2 or len(model.non_members) < 4:
        return "at least 2 members and 4 non-members are needed"
    return None


def _wants(model: AuditedModel, options: OwnMembershipSettings) -> Wanted:
    return Wanted()


def _plan(model: AuditedModel, options: OwnMembershipSettings, pace: Pace) -> list[Part]:
    choose_attacks(options.attacks)
    _ = options.attack_settings
    records = len(model.members) + len(model.non_members)
    passes = 2 * records * pace.forward
    parts = [Part(ATTACKS, passes, "every attack that needs no reference models", essential=True)]
    parts += _shadow_parts(model, options, pace)
    if network_kinds(model):
        parts += [
            Part(
                CURVATURE,
                4 * options.curvature_probes * records * pace.forward,
                "attacks by the input-loss curvature",
            ),
            Part(GRADIENTS, records * pace.backward, "white-box attacks by gradients"),
        ]
    return parts


def _shadow_parts(model: AuditedModel, options: OwnMembershipSettings, pace: Pace) -> list[Part]:
    if not options.shadows:
        return []
    if model.trainer is None:
        if options.shadows > 0:
            raise ImprintError(
                "shadow models need to know how the model is trained: give a function that trains "
                "one (train=), or leave out the shadow models"
            )
        reason = "how the model is trained is not known: give train=, or --train-function"
        return [Part(SHADOWS, 0.0, LIKELIHOOD_RATIOS, missing=reason)]
    counts = SHADOW_COUNTS if options.shadows < 0 else (options.shadows,)
    records = len(model.members) + len(model.non_members) // 2
    try:
        one = model.trainer.seconds(records // 2) + (records * 1.5) * pace.forward
    except ImprintError as error:
        if options.shadows > 0:
            raise
        warn(f"no shadow models are trained: {error}")
        return []
    return [
        Part(
            plural(count, "shadow model"),
            count * one,
            LIKELIHOOD_RATIOS,
            essential=options.shadows > 0,
            size=count,
            group=SHADOWS,
        )
        for count in counts
    ]


def _run(run: AuditRun) -> JsonObject:
    members, others = run.observed["members"], run.observed["non_members"]
    records = attacked_records(members, others, run.seed)
    signals = joined_signals(members, others)
    first = first_look(signals, records)
    tables = _take_signals(run, records)
    count = next((part.size for part in run.parts.values() if part.group == SHADOWS), 0)
    masks, shadows = None, None
    names: tuple[str, ...] = ()
    if count:
        masks = balanced_masks(len(records.index), count, run.seed).members
        names = _train_shadows(run, records, masks)
        shadows = read_shadows([run.study.path(name) for name in names])
    groups, classes = own_groups(run.model, records), own_classes(run.model, records)
    step = AttackObserved(
        run.options, run.seed, groups, classes, records, signals, tables, masks, shadows, names
    )
    findings = read_finding(MembershipFindings, run.study.run(step) / "findings.json")
    warnings = [*describe_copies(records), *findings.warnings]
    if first is not None:
        warnings += warn_if_network_near_chance(first, max(len(run.model.members.classes), 2))
    findings = replace(findings, triage=first)
    warnings += warn_if_shadows_fit_differently(findings)
    images = joined_views(run.model.members, run.model.non_members)
    if images is not None:
        run.study.run(ExposedGallery(images, len(findings.attacks), MAX_CARDS, run.study))
    return {"membership": to_json(replace(findings, warnings=tuple(warnings)))}


def _take_signals(run: AuditRun, records: AttackedRecords) -> dict[str, dict[str, FloatArray]]:
    """Return the signals of further passes, float64 ``[N + Q]`` by kind, by artefact."""
    kinds = [name for name in (CURVATURE, GRADIENTS) if run.has(name)]
    tables = {}
    for name in kinds:
        step = NetworkSignals(
            run.model,
            name == CURVATURE,
            run.options.curvature_probes,
            run.options.curvature_step,
            run.seed,
            records.every,
        )
        columns = read_table(run.study.run(step))
        tables[step.artefact] = {
            kind: values.astype(np.float64) for kind, values in columns.items() if kind != "index"
        }
    return tables


def _train_shadows(run: AuditRun, records: AttackedRecords, masks: BoolArray) -> tuple[str, ...]:
    """Train the shadow models and let each answer every record; return the artefacts."""
    from imprint.core.progress import track

    names = []
    rows = range(len(masks))
    for row in track(rows, "train shadow models", len(masks), "model"):
        step = TrainShadow(run.model, records.index, records.population, masks[row], run.seed, row)
        run.study.run(step)
        names.append(step.artefact)
    return tuple(names)


def _columns(study: Path) -> dict[str, tuple[IntArray, NDArray[Any]]]:
    """Return what the best attack says of a record, and how it is memorized by shadow models.

    These are its score, the probability of membership under even odds and the share of non-members
    that score as high.
    """
    folder = study / "membership"
    if not (folder / "findings.json").exists():
        return {}
    findings = read_finding(MembershipFindings, folder / "findings.json")
    best, _ = best_attack(findings.attacks)
    scores, exposed = (
        read_table(folder / f"{best}.parquet"),
        read_table(folder / "exposure.parquet"),
    )
    columns = {
        "membership_score": (scores["index"], scores["score"]),
        "membership_probability": (scores["index"], scores["probability"]),
        "exposure_fpr": (exposed["index"], exposed["fpr"]),
    }
    if (folder / MEMORIZATION).exists():
        memorized = read_table(folder / MEMORIZATION)
        for name, column in {"memorization": "memorization", "memorization_error": "error"}.items():
            columns[name] = (memorized["index"], memorized[column])
    return columns


AUDIT_LENSES.register("membership")(
    AuditLens(
        "membership",
        "Membership inference",
        20,
        OwnMembershipSettings,
        _refuses,
        _wants,
        _plan,
        _run,
        lambda content: from_json(MembershipFindings, content, "summary.json"),
        _columns,
    )
)
