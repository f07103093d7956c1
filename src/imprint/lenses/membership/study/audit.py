"""``membership audit``: the steps from a network and two sets of images to the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import BoolArray
from imprint.core.progress import log
from imprint.data.joined import JoinedImages
from imprint.lenses.membership.attack_kit.slices import Grouping, collect_groupings
from imprint.lenses.membership.attack_kit.triage import triage
from imprint.lenses.membership.findings import LABEL_ONLY, MembershipFindings, Triage
from imprint.lenses.membership.study.audited import MODEL, Audited, open_audit
from imprint.lenses.membership.study.copies import describe_copies
from imprint.lenses.membership.study.cost import count_queries, forecast
from imprint.lenses.membership.study.fit import (
    measure_shadow_fit,
    warn_if_network_near_chance,
    warn_if_shadows_fit_differently,
)
from imprint.lenses.membership.study.gallery import MAX_CARDS, ExposedGallery
from imprint.lenses.membership.study.group_file import read_groups
from imprint.lenses.membership.study.labels import (
    NO_COUNT,
    attack_labels,
    attacks_of_every_record,
    boundary_search,
    check_labels,
    distance_steps,
    sample_records,
    wants_labels,
)
from imprint.lenses.membership.study.model_signals import ModelSignals, make_evidence, read_signals
from imprint.lenses.membership.study.models import (
    UNTRAINED,
    untrained_model,
)
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.shadows import train_shadows
from imprint.lenses.membership.study.signals import plain_signals, signal_steps, take_all_signals
from imprint.lenses.membership.study.stored_models import read_models
from imprint.lenses.membership.study.trials import (
    list_trials,
    run_trials,
    standard_controls,
    write_scores,
    write_trials,
)
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.step import Step
from imprint.study.store import Study


def audit_membership(options: MembershipOptions) -> Mapping[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    With ``options.triage`` only the triage is written, as ``triage.json``.

    Raises:
        ImprintError: weights or images that cannot be used, sets that do not fit one another,
            options that do not fit, or a study made with other settings.
    """
    study = Study(options.out)
    with study.locked():
        audited = open_audit(study, options)
        check_labels(options, audited.records)
        first = take_triage(audited)
        log(f"triage: {first.verdict}")
        if first.loss_tail is not None:
            log(f"{first.loss_tail.describe()}.")
        warnings = [
            *describe_copies(audited.records),
            *audited.model.warnings,
            *warn_if_network_near_chance(first, len(audited.images.classes)),
        ]
        network = audited.model.load()
        log(forecast(network, audited.images, audited.records, options, audited.device))
        if options.triage:
            first = replace(first, warnings=tuple(warnings))
            write_finding(study.path("triage.json"), first)
            return {"triage": to_json(first)}
        findings = replace(attack_network(audited), triage=first)
        warnings += [*findings.warnings, *warn_if_shadows_fit_differently(findings)]
        findings = replace(findings, warnings=tuple(warnings))
        study.run(ExposedGallery(audited.images, len(findings.attacks), MAX_CARDS, study))
        lenses = {"membership": to_json(findings)}
        return finish(study, options, audited.facts(), lenses, audited.model_facts(first))


def take_triage(audited: Audited) -> Triage:
    """Return the triage of the network, from one forward pass."""
    study, records, plain = audited.study, audited.records, plain_signals(audited.options)
    arguments = (audited.images, records, plain, audited.device)
    signals = read_signals(
        study, signal_steps(study, "signals", [audited.model], *arguments), records
    )
    return triage(signals.target["phi"][0], signals.correct, records.members)


def attack_network(audited: Audited) -> MembershipFindings:
    """Train shadow models, take all signals, run all attacks; return the findings."""
    study, options, images = audited.study, audited.options, audited.images
    masks, shadows = train_shadows(audited)
    models = [audited.model]
    if options.controls and audited.card is not None:
        models.append(untrained_model(audited.card, options.seed))
    signals = take_all_signals(
        study,
        [*models, *shadows],
        images,
        audited.records,
        options,
        options.seed,
        audited.device,
        "pixel" if audited.card is None else "normalised",
    )
    distances: tuple[str, ...] = ()
    groups = read_groups(options.groups, _names(audited), audited.records.index)
    if options.label_only:
        labelled = sample_records(audited.records, options.label_only, options.seed)
        search = boundary_search(options)
        distances = distance_steps(study, models, images, labelled, search, audited.device)
    step = AttackNetwork(options, groups, audited, masks, signals, distances)
    return read_finding(MembershipFindings, study.run(step) / "findings.json")


def _names(audited: Audited) -> list[str]:
    """Return the path of every image, members before non-members."""
    images, options = audited.images, audited.options
    names = [images.name_of(place) for place in range(len(images))]
    inside = len(images.first) if isinstance(images, JoinedImages) else len(images)
    folders = [options.members] * inside + [options.non_members] * (len(names) - inside)
    return [f"{root.as_posix()}/{name}" for root, name in zip(folders, names, strict=True)]


@dataclass(frozen=True)
class AttackNetwork(Step):
    """Run all attacks on the signals: scores, exposure list, findings.

    Attributes:
        options: of the command.
        groups: of each attacked record, by column of ``--groups``.
        audited: the network and its records.
        masks: bool ``[K, N]``, which shadow model was trained on which record; None without.
        signals: artefacts by model: the network, an untrained one if there are controls, the
            shadow models.
        distances: tables of distances to decision boundaries.
    """

    options: MembershipOptions
    groups: Mapping[str, tuple[str, ...]]
    audited: Audited = uncounted()
    masks: BoolArray | None = uncounted()
    signals: Mapping[str, tuple[str, ...]] = uncounted()
    distances: tuple[str, ...] = uncounted()

    artefact = "membership"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every table of signals and distances, and the masks of the shadow models."""
        tables = [name for names in self.signals.values() for name in names]
        return (*tables, *self.distances, *(("masks",) if self.options.shadows else ()))

    def build(self, path: Path) -> None:
        """Write a table of scores an attack, ``exposure.parquet`` and ``findings.json``."""
        audited, options, records = self.audited, self.options, self.audited.records
        shadows = read_models(
            audited.study,
            [self.signals[name] for name in self.signals if name not in (MODEL, UNTRAINED)],
            records,
        )
        evidence, *untrained = [
            make_evidence(self._read(name), shadows, self.masks)
            for name in (MODEL, UNTRAINED)
            if name in self.signals
        ]
        seed, settings = options.seed, options.attack_settings
        controls = standard_controls(evidence, records.members, settings, seed, *untrained)
        scores, findings = run_trials(
            list_trials(attacks_of_every_record(options), evidence),
            evidence,
            records.members,
            settings,
            seed,
            controls if options.controls else None,
            count_queries(options),
        )
        if self.masks is not None:
            findings = replace(findings, shadows=measure_shadow_fit(shadows, self.masks))
        if self.distances:
            labelled = sample_records(records, options.label_only, seed)
            score, by_labels = attack_labels(
                audited.study, self.distances, labelled, settings, seed
            )
            findings = replace(findings, label_only=by_labels)
            write_scores(path / f"{LABEL_ONLY}.parquet", score, labelled)
        elif wants_labels(options):
            findings = replace(findings, skipped={**findings.skipped, LABEL_ONLY: NO_COUNT})
        write_trials(path, scores, findings, records, self._groupings(), seed)

    def _groupings(self) -> dict[str, Grouping]:
        """Return classes, groups of the user, right and wrong predictions."""
        images, records = self.audited.images, self.audited.records
        classes = np.array(images.classes)[images.labels[records.index]]
        correct = self._read(MODEL).correct
        return collect_groupings(len(records.index), classes, correct, self.groups)

    def _read(self, model: str) -> ModelSignals:
        return read_signals(self.audited.study, self.signals[model], self.audited.records)
