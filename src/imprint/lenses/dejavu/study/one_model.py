"""The one-model test on a network: cut, embed, train references, attack, show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_index_list
from imprint.data.view import View
from imprint.lenses.dejavu.findings import OneModelFacts, OneModelFindings
from imprint.lenses.dejavu.memorization.attack import CropGuesses
from imprint.lenses.dejavu.memorization.controls import permuted_labels
from imprint.lenses.dejavu.memorization.excess import excess
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays
from imprint.lenses.dejavu.memorization.one_model import (
    AttackedCrops,
    OneModelOutcome,
    collect_votes,
    one_model,
)
from imprint.lenses.dejavu.memorization.references import reference_votes
from imprint.lenses.dejavu.options import AttackChoice, OneModelOptions, attack_of
from imprint.lenses.dejavu.study.background_tags import write_background_tags
from imprint.lenses.dejavu.study.embeddings import EmbedViews, Untrained
from imprint.lenses.dejavu.study.galleries import OneModelGallery
from imprint.lenses.dejavu.study.guess import (
    TOP_RANKED,
    Guesser,
    check_guesses,
    searched_layer,
    settled_layer,
)
from imprint.lenses.dejavu.study.one_model_tables import write_one_model_tables
from imprint.lenses.dejavu.study.public_images import PublicSet, choose_public, open_elsewhere
from imprint.lenses.dejavu.study.references import ReferencePool, check_references, make_references
from imprint.lenses.dejavu.study.roles import CropPool, choose_roles, cut_crops
from imprint.lenses.dejavu.study.two_model_tables import SHOWN_NEIGHBOURS
from imprint.nets.load import NetworkFile, hash_weights, network_file, read_card
from imprint.report.model_facts import network_facts
from imprint.report.summary import finish
from imprint.stats.control import Control
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table

EMBEDDINGS = "tables/one_model_embeddings"
MODEL, UNTRAINED = "model", "untrained"


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
    embeddings = study.run(_embedding_step(public, crops, network, layer, options))
    device = choose_device(options.device)
    pool = ReferencePool(images, crops, options.folds, options.seeds, options.seed, study, device)
    references = make_references(pool, options)
    write_background_tags(study, images, crops.index, options, options.seed)
    tables = study.run(
        AttackModel(
            images=public.images,
            index=crops.index[crops.attacked],
            squares=crops.squares[crops.attacked],
            members=crops.members[crops.attacked],
            attack=dataclasses.replace(attack_of(options), layer=layer),
            reference_names=options.references,
            calibrate=options.calibrate,
            exclude=exclude,
            controls=options.controls,
            export_legacy=options.export_legacy,
            seed=options.seed,
            references=references,
            embeddings=embeddings,
            device=options.device,
        )
    )
    gallery = View(public.images, crops.index, rectangles=crops.squares)
    study.run(OneModelGallery(gallery, tables))
    facts = {**image_facts(images), **to_json(_facts(public, crops, layer))}
    return facts, read_finding(OneModelFindings, tables / "findings.json")


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


@dataclass(frozen=True, kw_only=True)
class AttackModel(Step):
    """Attack one model, and compare it with its references.

    Writes ``findings.json``, the tables ``records`` and ``classes``, and ``explained.npy``.

    Attributes:
        index: int64 ``[n]``, attacked images.
        squares: float64 ``[n, 4]``, what the model sees of each.
        members: bool ``[n]``, the images it was trained on.
        exclude: int64, images that nothing is claimed of.
        references: log-probabilities ``[n, C]`` by name, of the inputs.
    """

    images: ImageSet
    index: IntArray
    squares: FloatArray
    members: BoolArray
    attack: AttackChoice
    reference_names: tuple[str, ...]
    calibrate: bool
    exclude: IntArray | None
    controls: bool
    export_legacy: bool
    seed: int
    references: Mapping[str, FloatArray] = uncounted()
    embeddings: Path = uncounted()
    device: DeviceName = uncounted(default="auto")

    artefact = "tables/one_model"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Embeddings and references."""
        return (EMBEDDINGS, *(f"references/{name}.parquet" for name in self.reference_names))

    def build(self, path: Path) -> None:
        """Write findings and tables."""
        path.mkdir(exist_ok=True)
        guesses = self.guess(MODEL)
        classes, top = len(self.images.classes), self.attack.top_classes
        labels = self.images.labels[self.index]
        result = one_model(
            AttackedCrops(
                self.index,
                labels,
                self.members,
                guesses.votes,
                self.references,
                classes,
                self.squares[:, 2] - self.squares[:, 0],
            ),
            self.attack.top_percent,
            top,
            self.seed,
            self.calibrate,
            self.exclude,
        )
        findings = result.findings
        if self.controls:
            findings = dataclasses.replace(findings, controls=self._controls(guesses, result))
        write_finding(path / "findings.json", findings)
        seen = self.squares[self.members]
        extra = {
            "seen_px": seen[:, 2] - seen[:, 0],
            "neighbours": guesses.neighbours[self.members, :SHOWN_NEIGHBOURS],
        }
        write_one_model_tables(path, result, classes, top, extra)
        if self.export_legacy:
            for name, rows in (("test", self.members), ("valid", ~self.members)):
                arrays = legacy_arrays(guesses, rows, self.index, labels, f"{name}_attk_A")
                for stem, array in arrays.items():
                    np.save(path / f"{stem}.npy", array)

    def guess(self, model: str) -> CropGuesses:
        """Return the guesses of a network; of a classifier, with entropies as of a reference."""
        guesser = Guesser(self.embeddings, self.images, self.attack, self.device)
        guesses = guesser.guess(model, self.index)
        if self.attack.decision == "neighbours":
            return guesses
        logits = read_table(self.embeddings / f"{model}.crops.parquet")[settled_layer(self.attack)]
        rows = log_softmax(logits.astype(np.float64), axis=1)
        return dataclasses.replace(guesses, votes=reference_votes(rows, TOP_RANKED))

    def _controls(self, guesses: CropGuesses, result: OneModelOutcome) -> dict[str, Control]:
        """Return tests with nothing to find."""
        controls, labels, top = {}, self.images.labels, self.attack.top_classes
        if self.attack.decision == "neighbours":
            voters = guesses.neighbours[:, : self.attack.voting or None]
            classes = len(self.images.classes)
            controls["permuted"] = permuted_labels(
                voters, labels, labels[self.index], classes, self.seed
            )
        if (self.embeddings / f"{UNTRAINED}.crops.parquet").exists() and not self.members.all():
            votes = self.guess(UNTRAINED).votes
            everything = collect_votes(self.index, labels[self.index], votes, self.references)
            members = everything.rows(self.members, "seen")
            others = everything.rows(~self.members, "unseen")
            best = members.best(top)
            controls["untrained"] = Control(
                "An untrained network in place of the model: its score on members must be the same "
                "as on non-members.",
                excess(members.side(best), others.side(best), top, self.seed),
                expected=0.0,
            )
        return controls


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
