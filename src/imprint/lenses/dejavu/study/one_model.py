"""The one-model test on a network: cut, embed, train references, attack, show."""

from __future__ import annotations

import dataclasses
from typing import Any

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_index_list
from imprint.data.view import View
from imprint.lenses.dejavu.findings import OneModelFacts, OneModelFindings
from imprint.lenses.dejavu.options import OneModelOptions, attack_of
from imprint.lenses.dejavu.study.background_tags import write_background_tags
from imprint.lenses.dejavu.study.doubt_tests import OneModelDoubts, doubt_findings
from imprint.lenses.dejavu.study.doubts import Doubts, check_kept, find_doubts
from imprint.lenses.dejavu.study.embeddings import EmbedViews, Untrained
from imprint.lenses.dejavu.study.galleries import OneModelGallery
from imprint.lenses.dejavu.study.guess import (
    check_guesses,
    searched_layer,
)
from imprint.lenses.dejavu.study.one_model_attack import (
    EMBEDDINGS,
    INDEXES,
    MODEL,
    UNTRAINED,
    AttackModel,
)
from imprint.lenses.dejavu.study.public_images import PublicSet, choose_public, open_elsewhere
from imprint.lenses.dejavu.study.references import ReferencePool, check_references, make_references
from imprint.lenses.dejavu.study.roles import CropPool, Roles, choose_roles, cut_crops
from imprint.lenses.dejavu.study.search import index_embeddings
from imprint.lenses.dejavu.study.visible_objects import VisibleObjects, visible_objects
from imprint.nets.load import NetworkFile, hash_weights, network_file, read_card
from imprint.report.model_facts import network_facts
from imprint.report.summary import finish
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study


def one_model_audit(options: OneModelOptions) -> JsonObject:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: images, weights, lists or options that cannot be used.
    """
    study = Study(options.out)
    with study.locked():
        images = open_choice(options, options.seed)
        facts, findings = run_one_model_test(study, images, options)
        assert options.model is not None
        model = network_facts(network_file(options.model, options))
        return finish(study, options, facts, {"dejavu": {"one_model": to_json(findings)}}, model)


def run_one_model_test(
    study: Study, images: ImageSet, options: OneModelOptions
) -> tuple[JsonObject, OneModelFindings]:
    """Run the test; return facts about the data, and the findings.

    Args:
        study: where everything goes.
        images: the images.
        options: of the test; ``model`` is set.

    Raises:
        ImprintError: weights, lists or options that cannot be used.
    """
    assert options.model is not None
    check_references(options)
    _check_feature_encoder(options, images)
    elsewhere = open_elsewhere(options, options, images)
    roles = choose_roles(options, images, all_attacked=elsewhere is not None)
    crops = cut_crops(images, roles, options)
    public = choose_public(
        images,
        roles.public,
        elsewhere,
        crops.index[crops.attacked],
        roles.public_may_be_members,
    )
    check_guesses(options, images, len(public.index))
    network = network_file(options.model, options)
    layer = searched_layer(options, bool(network.card.projector))
    exclude = None if options.exclude_images is None else read_index_list(options.exclude_images)
    visible = visible_objects(options, crops.attacked_crops(public.images))
    embeddings = study.run(_embedding_step(public, crops, network, layer, options))
    doubts = _doubts(study, options, crops, roles, public, visible)
    device = choose_device(options.device)
    pool = ReferencePool(images, crops, options.folds, options.seeds, options.seed, study, device)
    references = make_references(pool, options)
    write_background_tags(study, images, crops.index, options, options.seed)
    choice = dataclasses.replace(attack_of(options), layer=layer)
    indexes = index_embeddings(
        study,
        embeddings,
        [(choice, "", "public")],
        options.seed,
        artefact=INDEXES,
        embedded=EMBEDDINGS,
    )
    attack = AttackModel(
        images=public.images,
        index=crops.index[crops.attacked],
        squares=crops.squares[crops.attacked],
        members=crops.members[crops.attacked],
        attack=choice,
        reference_names=options.references,
        calibrate=options.calibrate,
        exclude=exclude,
        controls=options.controls,
        export_legacy=options.export_legacy,
        seed=options.seed,
        references=references,
        embeddings=embeddings,
        device=options.device,
        indexes=indexes,
    )
    kept = doubts.kept(len(attack.index))
    tables = study.run(attack if kept.all() else attack.on(kept))
    gallery = View(public.images, crops.index, rectangles=crops.squares)
    study.run(OneModelGallery(gallery, tables))
    facts = {**image_facts(images), **to_json(_facts(public, crops, layer))}
    findings = read_finding(OneModelFindings, tables / "findings.json")
    again = OneModelDoubts(attack, doubts.subsets)
    tests = doubt_findings(study, doubts, again, findings.against[findings.best].test)
    return facts, dataclasses.replace(findings, doubts=tests)


def _doubts(
    study: Study,
    options: OneModelOptions,
    crops: CropPool,
    roles: Roles,
    public: PublicSet,
    visible: VisibleObjects | None,
) -> Doubts:
    """Return which attacked images are in doubt.

    Raises:
        ImprintError: no member is left to test.
    """
    sets = {"members": roles.members, "non-members": roles.non_members, "public": public.index}
    attacked = crops.attacked_crops(public.images)
    doubts = find_doubts(study, options, attacked, sets, visible, options.device)
    members = crops.members[crops.attacked]
    check_kept(doubts.kept(len(members)), {"the members": members})
    return doubts


def _check_feature_encoder(options: OneModelOptions, images: ImageSet) -> None:
    """Refuse features that hold what the network memorized, which would count as background.

    Raises:
        ImprintError: the network under audit, as features of a reference.
    """
    assert options.model is not None
    file = options.feature_encoder
    if file is None or "linear_head" not in options.references:
        return
    if file.exists() and hash_weights(file) == hash_weights(options.model):
        raise ImprintError(
            f"--feature-encoder {file} is the network under audit: what it memorized would count "
            "as background; give an encoder that was not trained on the images, or leave it out"
        )
    if read_card(file).training.get("data") == images.fingerprint():
        log(
            f"--feature-encoder {file} was trained on images of {images.name}: what it memorized "
            "of attacked ones counts as background"
        )


def _embedding_step(
    public: PublicSet,
    crops: CropPool,
    network: NetworkFile,
    layer: Any,
    options: OneModelOptions,
) -> EmbedViews:
    """Return the step that embeds public images and attacked crops; for control untrained, too."""
    views = {
        "public": View(public.images, public.index, options.centre_fraction),
        "crops": crops.attacked_crops(public.images),
    }
    untrained = {}
    if options.controls and not crops.members[crops.attacked].all():
        untrained[UNTRAINED] = Untrained(MODEL, derive(options.seed, UNTRAINED))
    models = {MODEL: network}
    return EmbedViews(views, models, {MODEL: (layer,)}, untrained, options.device, EMBEDDINGS)


def _facts(public: PublicSet, crops: CropPool, layer: str) -> OneModelFacts:
    return OneModelFacts(
        public=len(public.index),
        public_may_be_members=public.facts.may_be_members,
        public_images=public.facts,
        attacked_members=int(crops.members.sum()),
        attacked_non_members=int((crops.attacked & ~crops.members).sum()),
        reference_crops=len(crops.index),
        dropped=crops.dropped,
        crop_rule=crops.rule,
        without_boxes=crops.without_boxes,
        layer=layer,
    )
