"""``membership audit``: the steps from a network and two sets of images to the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from imprint.core.arrays import BoolArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts
from imprint.data.files import without_corrupt
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.membership.attack.controls import (
    permuted_membership,
    swapped_target,
    untrained_target,
)
from imprint.lenses.membership.attack.triage import Triage, triage
from imprint.lenses.membership.findings import LABEL_ONLY, MembershipFindings
from imprint.lenses.membership.study.copies import describe_copies, distinct_records
from imprint.lenses.membership.study.cost import count_queries, forecast
from imprint.lenses.membership.study.fit import (
    measure_shadow_fit,
    warn_if_network_near_chance,
    warn_if_shadows_fit_differently,
)
from imprint.lenses.membership.study.gallery import MAX_CARDS, ExposedGallery
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
from imprint.lenses.membership.study.models import (
    UNTRAINED,
    Model,
    scorer_model,
    trained_model,
    untrained_model,
)
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.lenses.membership.study.signals import (
    ModelSignals,
    check_evidence,
    make_evidence,
    plain_signals,
    read_signals,
    signal_steps,
    take_all_signals,
)
from imprint.lenses.membership.study.trials import (
    AttackTrial,
    Controls,
    list_trials,
    run_trials,
    write_scores,
    write_trials,
)
from imprint.nets.load import NetworkFile, network_file
from imprint.nets.model_card import ModelCard
from imprint.report.summary import finish
from imprint.stats.control import Control
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import balanced_masks

MODEL = "model"
"""Name of the network under audit among the tables."""


@dataclass(frozen=True)
class Audited:
    """What every step of one audit needs.

    Attributes:
        study: where artefacts go.
        options: of the command.
        device: where networks run.
        model: the network itself.
        card: how to build one like it; None of a black-box model.
        images: members, then non-members.
        records: which of them are attacked.
    """

    study: Study
    options: MembershipOptions
    device: torch.device
    model: Model
    card: ModelCard | None
    images: ImageSet
    records: AttackedRecords

    @property
    def labelled(self) -> AttackedRecords:
        """The records that are attacked by hard labels."""
        return sample_records(self.records, self.options.label_only, self.options.seed)

    def measure_distances(self, models: Sequence[Model]) -> tuple[str, ...]:
        """Measure distances under some models, if that is wanted; return the artefacts."""
        if not self.options.label_only:
            return ()
        search = boundary_search(self.options)
        return distance_steps(self.study, models, self.images, self.labelled, search, self.device)

    def take_signals(self, models: Sequence[Model]) -> dict[str, tuple[str, ...]]:
        """Take all chosen signals of some models; return the artefacts of each."""
        unit = "pixel" if self.card is None else "normalised"
        options = self.options
        return take_all_signals(
            self.study,
            models,
            self.images,
            self.records,
            options,
            options.seed,
            self.device,
            unit,  # type: ignore[arg-type]  # a literal
        )

    def triage(self) -> Triage:
        """Return the triage of the network, from one forward pass."""
        plain = plain_signals(self.options)
        artefacts = signal_steps(
            self.study, "signals", [self.model], self.images, self.records, plain, self.device
        )
        signals = read_signals(self.study, artefacts, self.records)
        return triage(signals.target["phi"][0], signals.correct, self.records.members)


@dataclass(frozen=True)
class AttackNetwork(Step):
    """Run all attacks on the signals: scores, exposure list, findings.

    Attributes:
        options: of the command.
        audited: the network and its records.
        masks: bool ``[K, N]``, which shadow model was trained on which record; None without.
        signals: artefacts by model: the network, an untrained one if there are controls, the
            shadow models.
        distances: tables of distances to decision boundaries.
    """

    options: MembershipOptions
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
        shadows = [self._read(name) for name in self.signals if name not in (MODEL, UNTRAINED)]
        evidence = make_evidence(self._read(MODEL), shadows, self.masks)
        scores, findings = run_trials(
            list_trials(attacks_of_every_record(options), evidence),
            evidence,
            records.members,
            options.attack_settings,
            options.seed,
            self._controls(shadows) if options.controls else None,
            count_queries(options),
        )
        if self.masks is not None:
            findings = replace(findings, shadows=measure_shadow_fit(shadows, self.masks))
        if self.distances:
            labelled, settings = audited.labelled, options.attack_settings
            score, by_labels = attack_labels(
                audited.study, self.distances, labelled, settings, options.seed
            )
            findings = replace(findings, label_only=by_labels)
            write_scores(path / f"{LABEL_ONLY}.parquet", score, labelled)
        elif wants_labels(options):
            findings = replace(findings, skipped={**findings.skipped, LABEL_ONLY: NO_COUNT})
        write_trials(path, scores, findings, records)

    def _read(self, model: str) -> ModelSignals:
        return read_signals(self.audited.study, self.signals[model], self.audited.records)

    def _controls(self, shadows: Sequence[ModelSignals]) -> Controls:
        members, options = self.audited.records.members, self.options
        evidence = make_evidence(self._read(MODEL), shadows, self.masks)
        untrained = None
        if UNTRAINED in self.signals:
            untrained = make_evidence(self._read(UNTRAINED), shadows, self.masks)

        def run(trial: AttackTrial) -> dict[str, Control | None]:
            readable, attack = trial.restrict(evidence), trial.attack
            arguments = (members, attack, options.attack_settings)
            return {
                "untrained": None
                if untrained is None
                else untrained_target(trial.restrict(untrained), *arguments),
                "permuted_membership": permuted_membership(readable, *arguments, options.seed),
                "swapped_target": swapped_target(readable, *arguments, options.seed),
            }

        return run


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
        first = audited.triage()
        log(f"triage: {first.verdict}")
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
        return finish(study, options, data_facts(audited), {"membership": to_json(findings)})


def open_audit(study: Study, options: MembershipOptions) -> Audited:
    """Return the network's card, the images of both sets, and the records to attack.

    Raises:
        ImprintError: they cannot be read or do not fit one another.
    """
    check_evidence(options, options.seed)
    images = JoinedImages(
        _open_images(options, options.members, options.members_part),
        _open_images(options, options.non_members, options.non_members_part),
        f"{options.members.name} and {options.non_members.name}",
    )
    model, card, outputs = open_model(options, images.channels)
    if outputs is None or outputs < len(images.classes):
        raise ImprintError(
            f"{options.model or options.scorer} has {outputs or 'no'} outputs, but "
            f"{options.members} has {len(images.classes)} classes: give a classifier of these "
            "classes"
        )
    records = distinct_records(images, options.records, options.centre_fraction, options.seed)
    return Audited(study, options, choose_device(options.device), model, card, images, records)


def open_model(
    options: MembershipOptions, channels: int
) -> tuple[Model, ModelCard | None, int | None]:
    """Return the network, how to build one like it, and how many outputs it has.

    Raises:
        ImprintError: neither weights nor a scorer, both, or what a scorer cannot do.
    """
    if (options.model is None) == (not options.scorer):
        raise ImprintError("give either --model, a file of weights, or --scorer")
    if options.model is None:
        if options.weights_flags:
            raise ImprintError(
                f"{options.weights_flags[0]} is about the weights of --model: leave it out, a "
                "--scorer returns the logits of images in [0, 1]"
            )
        if options.shadows or options.white_box:
            raise ImprintError(
                "a black-box model has no architecture to train shadow models of and no "
                "gradients: leave out --shadows and --white-box, or give --model"
            )
        model, outputs = scorer_model(MODEL, options.scorer, channels)
        return model, None, outputs
    file = network_file(options.model, options)
    return trained_model(MODEL, file), file.card, file.card.outputs


def _open_images(options: MembershipOptions, root: Path, part: str) -> ImageSet:
    skip = options.skip_corrupt
    opened = open_images(root, layout=options.layout, part=part or None, skip_corrupt=skip)
    return without_corrupt(opened)


def attack_network(audited: Audited) -> MembershipFindings:
    """Train shadow models, take all signals, run all attacks; return the findings."""
    masks, shadows = train_shadows(audited)
    untrained = []
    if audited.options.controls and audited.card is not None:
        untrained = [untrained_model(audited.card, audited.options.seed)]
    signals = audited.take_signals([audited.model, *untrained, *shadows])
    distances = audited.measure_distances([audited.model, *untrained])
    step = AttackNetwork(audited.options, audited, masks, signals, distances)
    return read_finding(MembershipFindings, audited.study.run(step) / "findings.json")


def train_shadows(audited: Audited) -> tuple[BoolArray | None, list[Model]]:
    """Train the shadow models; return their masks bool ``[K, N]`` and the models.

    Each is trained on half of the attacked records, as many of the members as of the non-members
    on average, with the architecture of the network; the population stays out.
    """
    options, card = audited.options, audited.card
    if not options.shadows or card is None:
        return None, []
    recipe = replace(
        options.train,
        architecture=card.architecture,
        architecture_options=tuple(
            (name, value if isinstance(value, str) else json.dumps(value))
            for name, value in card.options.items()
        ),
        input_size=card.input_size,
        mean=tuple(card.mean),
        std=tuple(card.std),
    )
    view = View(audited.images, audited.records.index, options.centre_fraction)
    records, seed = view.read(card.input_size), derive(options.seed, "shadows")
    masks = balanced_masks(len(records), options.shadows, seed)
    run = train_cohort(audited.study, records, masks, recipe, seed, audited.device)
    models = [trained_model(file.parent.name, NetworkFile(file)) for file in run.weights]
    return masks.members, models


def data_facts(audited: Audited) -> dict[str, object]:
    """Return what the summary says of the data."""
    images, records = audited.images, audited.records
    inside = int(records.members.sum())
    return {
        **image_facts(images),
        "trained_on": audited.options.members.name,
        "members": inside,
        "non_members": len(records.index) - inside,
        "population": len(records.population),
        "references": audited.options.shadows,
        "copies": records.copies,
    }
