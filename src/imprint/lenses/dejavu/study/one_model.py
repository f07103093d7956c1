"""The one-model test on a network: cut, embed, refer, judge, show."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_index_list
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.attack import Attacked
from imprint.lenses.dejavu.memorization.controls import permuted_labels
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays
from imprint.lenses.dejavu.memorization.one_model import excess, judge
from imprint.lenses.dejavu.memorization.references import reference_votes
from imprint.lenses.dejavu.study.guess import (
    TOP_RANKED,
    check_guesses,
    guess,
    searched_layer,
    untrained_like,
)
from imprint.lenses.dejavu.study.one_model_findings import Judged, find, write_found
from imprint.lenses.dejavu.study.one_model_gallery import one_model_gallery
from imprint.lenses.dejavu.study.one_model_options import OneModelOptions
from imprint.lenses.dejavu.study.one_model_references import Pool, check_references, reference_steps
from imprint.lenses.dejavu.study.one_model_roles import CropPool, Roles, choose_roles, cut_crops
from imprint.lenses.dejavu.study.tables import SHOWN_NEIGHBOURS
from imprint.nets.image_model import Layer
from imprint.nets.load import hash_weights, network_file, read_card
from imprint.probe.embeddings import embed
from imprint.report.summary import finish
from imprint.stats.control import Control
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.options import CropChoice, DataChoice
from imprint.study.step_settings import card_settings, fields_of
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table

EMBEDDINGS = "tables/one_model_embeddings"
ON_OTHER_CARDS = (
    *fields_of(DataChoice, CropChoice),
    "references",
    "learn_from",
    "folds",
    "seeds",
    "classifier",
    "classifier_steps",
    "top_tags",
    "smoothing",
    "trained_on",
    "per_class",
)
"""Options that are known by what they bring about: images, crops, their roles, references."""
SUBJECT, UNTRAINED = "subject", "untrained"


def one_model_audit(options: OneModelOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Raises:
        ImprintError: images, weights, lists or options that cannot be used.
    """
    study = Study(options.out)
    with study.locked():
        images = open_choice(options, options.seed)
        facts, found = one_model_steps(study, images, options)
        return finish(study, options, facts, {"dejavu": {"one_model": found}})


def one_model_steps(
    study: Study, images: ImageSet, options: OneModelOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the test; return facts about the data, and the findings.

    Args:
        study: where everything goes.
        images: the images.
        options: of the test; ``subject`` is set.

    Raises:
        ImprintError: weights, lists or options that cannot be used.
    """
    assert options.subject is not None
    check_references(options)
    _check_feature_encoder(options, images)
    roles = choose_roles(options, images)
    crops = cut_crops(images, roles, options)
    _check_choice(options, images, roles)
    layer = _layer(options)
    exclude = None if options.exclude is None else read_index_list(options.exclude)
    embeddings = _embed_step(study, images, roles, crops, layer, options)
    device = choose_device(options.device)
    references = reference_steps(Pool(study, images, crops, options, options.seed, device))
    attacked = crops.index[crops.attacked]

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        guesses = _attack(embeddings, SUBJECT, images, layer, options)
        judged = Judged(
            attacked,
            images.labels[attacked],
            crops.seen[crops.attacked],
            guesses.votes,
            references,
            len(images.classes),
        )
        found = find(
            judged, options.confidence, options.top, options.seed, options.calibrate, exclude
        )
        findings = found.findings
        if options.controls:
            findings["controls"] = _controls(
                embeddings, images, layer, judged, guesses, references, options
            )
        write_json(folder / "findings.json", findings)
        sides = crops.squares[crops.seen]
        extra = {
            "seen_px": sides[:, 2] - sides[:, 0],
            "neighbours": guesses.neighbours[judged.seen, :SHOWN_NEIGHBOURS],
        }
        write_found(folder, found, len(images.classes), options.top, extra)
        if options.export_legacy:
            for name, rows in (("test", judged.seen), ("valid", ~judged.seen)):
                arrays = legacy_arrays(guesses, rows, judged.index, judged.labels, f"{name}_attk_A")
                for stem, array in arrays.items():
                    np.save(folder / f"{stem}.npy", array)

    settings = {
        **card_settings(options, without=ON_OTHER_CARDS),
        "layer": layer,
        "seen": hash_arrays(crops.seen, crops.attacked),
        "exclude": None if exclude is None else hash_arrays(exclude),
    }
    inputs = (EMBEDDINGS, *(f"references/{name}.parquet" for name in options.references))
    tables = study.step("tables/one_model", settings, build, inputs)
    one_model_gallery(study, images, crops)
    return _facts(images, roles, crops, layer), read_json(tables / "findings.json")


def _check_choice(options: OneModelOptions, images: ImageSet, roles: Roles) -> None:
    check_guesses(options, images)
    if options.k > len(roles.public):
        raise ImprintError(
            f"k is {options.k} but only {len(roles.public)} images vote: choose a smaller --k"
        )


def _check_feature_encoder(options: OneModelOptions, images: ImageSet) -> None:
    """Refuse features that hold what the network remembers, which would pass for background.

    Raises:
        ImprintError: the network under test, as features of a reference.
    """
    assert options.subject is not None
    file = options.feature_encoder
    if file is None or "linear_head" not in options.references:
        return
    if file.exists() and hash_weights(file) == hash_weights(options.subject):
        raise ImprintError(
            f"--feature-encoder {file} is the network under test: what it remembers would pass for "
            "background; give an encoder that never saw the images, or leave it out"
        )
    if read_card(file).training.get("data") == images.fingerprint():
        log(
            f"--feature-encoder {file} was trained on images of {images.name}: what it remembers "
            "of attacked ones counts as background"
        )


def _layer(options: OneModelOptions) -> Layer:
    assert options.subject is not None
    return searched_layer(options, bool(network_file(options.subject, options).card.projector))


def _embed_step(
    study: Study,
    images: ImageSet,
    roles: Roles,
    crops: CropPool,
    layer: Layer,
    options: OneModelOptions,
) -> Path:
    """Embed public images and attacked crops; also under an untrained network, for control."""
    assert options.subject is not None
    model = network_file(options.subject, options)
    whole = whole_rectangles(images.sizes()[roles.public])
    sets = {
        "public": (roles.public, centre_squares(whole, options.centre_fraction)),
        "crops": (crops.index[crops.attacked], crops.squares[crops.attacked]),
    }
    controls = options.controls and not crops.seen[crops.attacked].all()

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        device = choose_device(options.device)
        networks = {SUBJECT: model.load(device)}
        if controls:
            networks[UNTRAINED] = untrained_like(model.card, derive(options.seed, UNTRAINED)).to(
                device
            )
        for name, (index, squares) in sets.items():
            found = embed(
                networks, View(images, index, rectangles=squares), (layer,), f"embed {name}"
            )
            for network, layers in found.items():
                write_table(
                    folder / f"{network}.{name}.parquet", {"index": index, layer: layers[layer]}
                )

    settings = {
        "data": images.fingerprint(),
        "layer": layer,
        "controls": controls,
        "seed": options.seed,
        "rectangles": hash_arrays(*(array for pair in sets.values() for array in pair)),
        "subject": model.fingerprint(),
    }
    return study.step(EMBEDDINGS, settings, build)


def _attack(
    embeddings: Path, model: str, images: ImageSet, layer: Layer, options: OneModelOptions
) -> Attacked:
    public = read_table(embeddings / f"{model}.public.parquet")
    crops = read_table(embeddings / f"{model}.crops.parquet")
    found = guess(
        crops[layer],
        public[layer],
        public["index"],
        images.labels,
        len(images.classes),
        options,
        options.device,
    )
    if options.decision == "logits":
        rows = log_softmax(crops[layer].astype(np.float64), axis=1)
        return dataclasses.replace(found, votes=reference_votes(rows, TOP_RANKED))
    return found


def _controls(
    embeddings: Path,
    images: ImageSet,
    layer: Layer,
    judged: Judged,
    guesses: Attacked,
    references: Any,
    options: OneModelOptions,
) -> dict[str, Any]:
    """Return attacks that must find nothing."""
    controls = {}
    if options.decision == "neighbours":
        voting = guesses.neighbours[:, : options.voting or None]
        controls["permuted"] = permuted_labels(
            voting, images.labels, judged.labels, judged.classes, options.seed
        )
    if not judged.seen.all():
        untrained = _attack(embeddings, UNTRAINED, images, layer, options).votes
        test = judge(judged.index, judged.labels, untrained, references)
        seen, unseen = test.rows(judged.seen, "seen"), test.rows(~judged.seen, "unseen")
        name = seen.best(options.top)
        controls["untrained"] = Control(
            "An untrained network in place of the network: its score on the images must be the "
            "same as on images that neither was trained on.",
            excess(seen.side(name), unseen.side(name), options.top, options.seed),
            expected=0.0,
        )
    return {name: control.to_dict() for name, control in controls.items()}


def _facts(images: ImageSet, roles: Roles, crops: CropPool, layer: Layer) -> dict[str, Any]:
    return {
        **image_facts(images),
        "public": len(roles.public),
        "public_seen": roles.public_seen,
        "attacked_seen": int(crops.seen.sum()),
        "attacked_unseen": int((crops.attacked & ~crops.seen).sum()),
        "reference_crops": len(crops.index),
        "dropped": dict(crops.dropped),
        "crop_rule": crops.rule,
        "without_boxes": crops.without_boxes,
        "layer": layer,
    }
