"""``membership audit``: the steps from a network and two sets of images to the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from imprint.lenses.membership.attack.triage import Triage, triage
from imprint.lenses.membership.findings import LABEL_ONLY, MembershipFindings
from imprint.lenses.membership.study.copies import copies_warning, distinct_records
from imprint.lenses.membership.study.cost import forecast, queries
from imprint.lenses.membership.study.fit import shadow_fit, tell_misfit, tell_order
from imprint.lenses.membership.study.gallery import gallery_step
from imprint.lenses.membership.study.labels import (
    NOT_SAID,
    attack_labels,
    attacks_of_every_record,
    boundary_search,
    check_labels,
    choose_some,
    distance_steps,
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
from imprint.lenses.membership.study.records import Records
from imprint.lenses.membership.study.signals import (
    Answers,
    check_evidence,
    evidence,
    plain_signals,
    read_answers,
    signal_steps,
    take_all_signals,
)
from imprint.lenses.membership.study.trials import (
    list_trials,
    run_trials,
    write_scores,
    write_trials,
)
from imprint.nets.load import NetworkFile, network_file
from imprint.nets.model_card import ModelCard
from imprint.report.summary import finish
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import balanced_masks

SUBJECT = "subject"
ON_OTHER_CARDS = (
    "scorer",
    "output",
    "layout",
    "members_part",
    "non_members_part",
    "skip_corrupt",
    "records",
    "train",
    "triage",
)
"""Options that are known by what they bring about: networks, images, shadows; or stop earlier."""


@dataclass(frozen=True)
class Audit:
    """What every step of one audit needs.

    Attributes:
        study: where artefacts go.
        options: of the command.
        device: where networks run.
        model: the network itself.
        card: how to build one like it; None of a model that only answers.
        images: members, then non-members.
        records: which of them are attacked.
    """

    study: Study
    options: MembershipOptions
    device: torch.device
    model: Model
    card: ModelCard | None
    images: ImageSet
    records: Records

    @property
    def some(self) -> Records:
        """The records that are attacked by hard labels."""
        return choose_some(self.records, self.options.label_only, self.options.seed)

    def measure(self, models: Sequence[Model]) -> tuple[str, ...]:
        """Measure distances under some models, if that is wanted; return the artefacts."""
        if not self.options.label_only:
            return ()
        search = boundary_search(self.options)
        return distance_steps(self.study, models, self.images, self.some, search, self.device)

    def take(self, models: Sequence[Model]) -> dict[str, tuple[str, ...]]:
        """Take all chosen signals of some models; return the artefacts of each."""
        return take_all_signals(
            self.study,
            models,
            self.images,
            self.records,
            self.options,
            self.options.seed,
            self.device,
            "pixel" if self.card is None else "normalised",
        )

    def look(self) -> Triage:
        """Return the triage of the network, from one forward pass."""
        artefacts = signal_steps(
            self.study,
            "signals",
            [self.model],
            self.images,
            self.records,
            plain_signals(self.options),
            self.device,
        )
        answers = read_answers(self.study, artefacts, self.records)
        return triage(answers.target["phi"][0], answers.correct, self.records.members)


def audit_membership(options: MembershipOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    With ``options.triage`` the first look is all there is, in ``triage.json``.

    Raises:
        ImprintError: weights or images that cannot be used, sets that do not fit one another,
            options that do not fit, or a study made with other settings.
    """
    study = Study(options.out)
    with study.locked():
        audit = open_audit(study, options)
        check_labels(options, audit.records)
        first = audit.look()
        log(f"triage: {first.verdict}")
        warnings = [
            *copies_warning(audit.records),
            *audit.model.warnings,
            *tell_order(first, len(audit.images.classes)),
        ]
        log(forecast(audit.model.load(), audit.images, audit.records, options, audit.device))
        if options.triage:
            first = replace(first, warnings=tuple(warnings))
            write_finding(study.path("triage.json"), first)
            return {"triage": to_json(first)}
        masks, shadows = train_shadows(audit)
        findings = attack_step(audit, masks, shadows)
        gallery_step(study, audit.images)
        findings = replace(findings, triage=first)
        warnings += [*findings.warnings, *tell_misfit(findings)]
        findings = replace(findings, warnings=tuple(warnings))
        return finish(study, options, facts(audit), {"membership": to_json(findings)})


def open_audit(study: Study, options: MembershipOptions) -> Audit:
    """Return the network's card, the images of both sets, and the records to attack.

    Raises:
        ImprintError: they cannot be read or do not fit one another.
    """
    check_evidence(options, options.seed)
    for name in ("records", "shadows", "label_only"):
        if getattr(options, name) < 0:
            raise ImprintError(
                f"--{name.replace('_', '-')} is {getattr(options, name)}: it must not be negative"
            )
    if options.shadows == 1:
        raise ImprintError(
            "one shadow model is too few to compare with: choose --shadows 2 or more, or 0 for none"
        )
    images = JoinedImages(
        _open(options, options.members, options.members_part),
        _open(options, options.non_members, options.non_members_part),
        f"{options.members.name} and {options.non_members.name}",
    )
    model, card, outputs = open_model(options, images.channels)
    if outputs is None or outputs < len(images.classes):
        raise ImprintError(
            f"{options.subject or options.scorer} has {outputs or 'no'} outputs, but "
            f"{options.members} has {len(images.classes)} classes: give a classifier of these "
            "classes"
        )
    records = distinct_records(images, options.records, options.centre_fraction, options.seed)
    return Audit(study, options, choose_device(options.device), model, card, images, records)


def open_model(
    options: MembershipOptions, channels: int
) -> tuple[Model, ModelCard | None, int | None]:
    """Return the network, how to build one like it, and how many outputs it has.

    Raises:
        ImprintError: neither weights nor a scorer, both, or what a scorer cannot do.
    """
    if (options.subject is None) == (not options.scorer):
        raise ImprintError("give either --subject, a file of weights, or --scorer")
    if options.subject is None:
        if options.weights_flags:
            raise ImprintError(
                f"{options.weights_flags[0]} is about the weights of --subject: leave it out, a "
                "--scorer returns the logits of images in [0, 1]"
            )
        if options.shadows or options.white_box:
            raise ImprintError(
                "a model that only answers has no architecture to train shadows of and no "
                "gradients: leave out --shadows and --white-box, or give --subject"
            )
        model, outputs = scorer_model(SUBJECT, options.scorer, channels)
        return model, None, outputs
    file = network_file(options.subject, options)
    return trained_model(SUBJECT, file), file.card, file.card.outputs


def _open(options: MembershipOptions, root: Path, part: str) -> ImageSet:
    skip = options.skip_corrupt
    opened = open_images(root, layout=options.layout, part=part or None, skip_corrupt=skip)
    return without_corrupt(opened)


def train_shadows(audit: Audit) -> tuple[BoolArray | None, list[Model]]:
    """Train the shadow models; return their masks bool ``[K, N]`` and the models.

    Each is trained on half of the attacked records, as many of the members as of the non-members
    on average, with the architecture of the network; none sees the population.
    """
    options, card = audit.options, audit.card
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
    records = View(audit.images, audit.records.index, options.centre_fraction).read(card.input_size)
    masks = balanced_masks(len(records), options.shadows, derive(options.seed, "shadows"))
    run = train_cohort(
        audit.study, records, masks, recipe, derive(options.seed, "shadows"), audit.device
    )
    return masks.members, [
        trained_model(file.parent.name, NetworkFile(file)) for file in run.weights
    ]


def attack_step(
    audit: Audit, masks: BoolArray | None, shadows: Sequence[Model]
) -> MembershipFindings:
    """Take all signals, run all attacks, write ``membership/``; return the findings."""
    study, options, records = audit.study, audit.options, audit.records
    blank = [untrained_model(audit.card, options.seed)] if options.controls and audit.card else []
    made = audit.take([audit.model, *blank, *shadows])
    distances = audit.measure([audit.model, *blank])

    def answers(name: str) -> Answers:
        return read_answers(study, made[name], records)

    settings = options.alone()

    def build(folder: Path) -> None:
        judges = [answers(shadow.name) for shadow in shadows]
        known = evidence(answers(SUBJECT), judges, masks)
        untrained = evidence(answers(UNTRAINED), judges, masks) if blank else None
        trials = list_trials(attacks_of_every_record(options), known)
        scores, findings = run_trials(
            trials,
            known,
            untrained,
            records,
            settings,
            queries(options),
            options.seed,
            options.controls,
        )
        if masks is not None:
            findings = replace(findings, shadows=shadow_fit(judges, masks))
        if distances:
            score, by_labels = attack_labels(study, distances, audit.some, settings, options.seed)
            findings = replace(findings, label_only=by_labels)
            write_scores(folder / f"{LABEL_ONLY}.parquet", score, audit.some)
        elif wants_labels(options):
            findings = replace(findings, skipped={**findings.skipped, LABEL_ONLY: NOT_SAID})
        write_trials(folder, scores, findings, records)

    made_with = card_settings(options, without=ON_OTHER_CARDS)
    inputs = tuple(name for names in made.values() for name in names)
    inputs += distances + (("masks",) if shadows else ())
    folder = study.step("membership", made_with, build, inputs)
    return read_finding(MembershipFindings, folder / "findings.json")


def facts(audit: Audit) -> dict[str, Any]:
    """Return what the summary says of the data."""
    images, records = audit.images, audit.records
    inside = int(records.members.sum())
    return {
        **image_facts(images),
        "trained_on": audit.options.members.name,
        "members": inside,
        "non_members": len(records.index) - inside,
        "population": len(records.population),
        "references": audit.options.shadows,
        "copies": records.copies,
    }
