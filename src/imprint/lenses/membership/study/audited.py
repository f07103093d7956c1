"""The network under audit and its records: what every step of a membership audit needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.data.files import without_corrupt
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.lenses.membership.findings import Triage
from imprint.lenses.membership.study.copies import distinct_records
from imprint.lenses.membership.study.models import Model, scorer_model, trained_model
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.lenses.membership.study.signals import check_evidence
from imprint.nets.load import network_file
from imprint.nets.model_card import ModelCard
from imprint.report.model_facts import (
    ModelAccuracy,
    ModelFacts,
    accuracy_estimate,
    network_facts,
)
from imprint.study.store import Study

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

    def facts(self) -> dict[str, object]:
        """Return what the summary says of the data."""
        images, records = self.images, self.records
        inside = int(records.members.sum())
        return {
            **image_facts(images),
            "trained_on": self.options.members.name,
            "members": inside,
            "non_members": len(records.index) - inside,
            "population": len(records.population),
            "references": self.options.shadows,
            "copies": records.copies,
        }

    def model_facts(self, first: Triage) -> ModelFacts:
        """Return what the summary says of the network, ``first`` being the triage of it."""
        inside = int(self.records.members.sum())
        accuracy = ModelAccuracy(
            members=accuracy_estimate(first.accuracy.members, inside),
            non_members=accuracy_estimate(
                first.accuracy.non_members, len(self.records.index) - inside
            ),
        )
        if self.options.model is None:
            return ModelFacts(accuracy=accuracy, task="classification")
        facts = network_facts(network_file(self.options.model, self.options), accuracy)
        return replace(facts, task="classification")


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
