"""The two-model test on two encoders: crop, embed, attack, show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.duplicates import copies
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition, open_partition
from imprint.data.view import View
from imprint.lenses.dejavu.findings import TwoModelFindings
from imprint.lenses.dejavu.options import DejavuChoice, attack_of
from imprint.lenses.dejavu.study.backgrounds import AttackedSet, attacked_set
from imprint.lenses.dejavu.study.doubt_tests import TwoModelDoubts, doubt_findings
from imprint.lenses.dejavu.study.doubts import Doubts, check_kept, find_doubts
from imprint.lenses.dejavu.study.embeddings import EmbedViews, Untrained
from imprint.lenses.dejavu.study.galleries import TwoModelGallery
from imprint.lenses.dejavu.study.guess import SIDES, searched_layer, settled_layer
from imprint.lenses.dejavu.study.public_images import (
    ElsewhereImages,
    PublicSet,
    choose_public,
    open_elsewhere,
)
from imprint.lenses.dejavu.study.search import index_embeddings
from imprint.lenses.dejavu.study.two_model_tables import AttackEncoders, WriteLegacyArrays
from imprint.lenses.dejavu.study.visible_objects import VisibleObjects, visible_objects
from imprint.nets.load import NetworkFile
from imprint.report.summary import finish
from imprint.study.finding import read_finding, to_json
from imprint.study.options import DataChoice
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.train.loop import hash_of_images


def two_model_audit(
    data: DataChoice,
    choice: DejavuChoice,
    models: Mapping[str, NetworkFile],
    split: Path,
    per_class: int,
) -> JsonObject:
    """Attack two encoders; write tables, summary and page.

    Args:
        data: the images.
        choice: how crops, votes and controls are made, and where results go.
        models: weights of ``A`` and ``B``.
        split: folder of the partition both were trained on, or of the study that holds it.
        per_class: which of its sizes.

    Raises:
        ImprintError: weights, partition or images that cannot be used, or a card that says its
            model was trained on other images than the partition gives it.
    """
    study = Study(choice.out)
    with study.locked():
        images = open_choice(data, choice.seed)
        partition = open_partition(split, per_class, images)
        check_training(models, {"A": partition.train_a, "B": partition.train_b})
        projects = all(file.card.projector for file in models.values())
        attack = replace(choice, layer=searched_layer(choice, projects))
        elsewhere = open_elsewhere(choice, data, images)
        public = public_of_partition(images, partition, elsewhere)
        attacked = attacked_set(images, partition, attack, len(public.index))
        facts, findings = run_two_model_test(
            study, images, partition, attacked, models, attack, public
        )
        return finish(study, choice, facts, {"dejavu": to_json(findings)})


def check_training(models: Mapping[str, NetworkFile], sets: Mapping[str, IntArray]) -> None:
    """Check models against the images they should have been trained on, where their cards say.

    Raises:
        ImprintError: a model was trained on others, the other model's perhaps.
    """
    hashes = {name: hash_of_images(indices) for name, indices in sets.items()}
    for name, file in models.items():
        trained_on = file.card.training.get("images")
        if trained_on in (None, hashes[name]):
            continue
        other = next((each for each, value in hashes.items() if value == trained_on), None)
        remedy = (
            f"set {other}: swap the models" if other else "other images: give its own partition"
        )
        raise ImprintError(f"model {name} ({file.path}) was trained on {remedy}")


def run_two_model_test(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    checkpoints: Mapping[str, NetworkFile],
    choice: DejavuChoice,
    public: PublicSet,
    last_epoch: int = 0,
) -> tuple[JsonObject, TwoModelFindings]:
    """Embed, attack and count; return facts about the data, and the findings.

    Args:
        study: where tables go.
        images: what was split.
        partition: how.
        attacked: which of its images are attacked.
        checkpoints: weights of ``A`` and ``B``, and of snapshots of both, ``A@EPOCH``.
        choice: how crops, votes and controls are made.
        public: which images vote.
        last_epoch: of A and B, where there are snapshots.
    """
    untrained = {
        f"{name}@untrained": Untrained(name, derive(choice.seed, "untrained", name))
        for name in SIDES
        if choice.controls
    }
    views = {
        "public": View(public.images, public.index, choice.centre_fraction),
        "crops": attacked.crops(public.images),
    }
    visible = visible_objects(choice, attacked.crops(public.images))
    layers = dict.fromkeys(checkpoints, (settled_layer(choice),))
    embeddings = study.run(EmbedViews(views, checkpoints, layers, untrained, choice.device))
    searched = replace(attack_of(choice), layer=settled_layer(choice))
    indexes = index_embeddings(
        study, embeddings, [(searched, "", "public")], choice.seed, other_metric_of=SIDES
    )
    everyone = attacked
    doubts = doubts_of(study, choice, everyone, partition, public, visible)
    attacked = everyone.rows(doubts.kept(len(everyone.index)))
    attack = AttackEncoders(
        public.images,
        attacked,
        attack_of(choice),
        choice.controls,
        choice.seed,
        last_epoch,
        embeddings,
        choice.device,
        indexes,
    )
    tables = study.run(attack)
    study.run(TwoModelGallery(attacked.crops(public.images), tables))
    if choice.export_legacy:
        study.run(WriteLegacyArrays(attack))
    facts = {
        **image_facts(images),
        "public": len(public.index),
        "public_images": to_json(public.facts),
        "shared": len(partition.shared),
        "boxes": sum(len(boxes) > 0 for boxes in images.boxes() or ()),
        "attacked": {name: int((attacked.side == row).sum()) for row, name in enumerate(SIDES)},
        "dropped": dict(attacked.dropped),
        "copies_in_public": _count_copies(everyone, public),
    }
    findings = read_finding(TwoModelFindings, tables / "findings.json")
    again = TwoModelDoubts(replace(attack, attacked=everyone), doubts.subsets)
    tests = doubt_findings(study, doubts, again, findings.two_model)
    return facts, replace(findings, doubts=tests)


def doubts_of(
    study: Study,
    choice: DejavuChoice,
    attacked: AttackedSet,
    partition: Partition,
    public: PublicSet,
    visible: VisibleObjects | None,
) -> Doubts:
    """Return which attacked images are in doubt.

    Raises:
        ImprintError: no image is left to test.
    """
    sets = {
        "A": partition.bbox_a,
        "B": partition.bbox_b,
        "shared": partition.shared,
        "public": public.index,
    }
    doubts = find_doubts(study, choice, attacked.crops(public.images), sets, visible, choice.device)
    of_side = {f"set {name}": attacked.side == row for row, name in enumerate(SIDES)}
    check_kept(doubts.kept(len(attacked.index)), of_side)
    return doubts


def public_of_partition(
    images: ImageSet, partition: Partition, elsewhere: ElsewhereImages | None
) -> PublicSet:
    """Return the images that vote: the public ones of a partition unless there are others."""
    attacked = np.concatenate([partition.bbox_a, partition.bbox_b])
    return choose_public(images, partition.public, elsewhere, attacked)


def _count_copies(attacked: AttackedSet, public: PublicSet) -> JsonObject:
    """Return how many attacked images have an exact copy in the public set."""
    images = public.images
    duplicates = copies(images, attacked.index, public.index)
    if duplicates is None:
        reason = "the images do not fit into memory, so they were not compared"
        return dict(to_json(Missing(reason)))
    if len(duplicates):
        log(
            f"{images.name}: {len(duplicates)} attacked images have a copy in the public set, "
            f"{images.name_of(int(duplicates[0]))} first: leave out copies, or they count as "
            "memorized"
        )
    return {"value": len(duplicates)}
