"""Déjà vu in the audit of a user's model: the one-model test on the images of its records.

Members, and a quarter of the non-members for control, are attacked; the other non-members vote as
public images. These need no pass of their own: their features come from the pass that all lenses
share. Background crops are new inputs, one forward pass each, and so are public images from
elsewhere, which vote in place of non-members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.lenses.dejavu.findings import OneModelFacts, OneModelFindings
from imprint.lenses.dejavu.memorization.one_model import STRICTEST
from imprint.lenses.dejavu.options import AttackChoice, OwnDejavuChoice, attack_of
from imprint.lenses.dejavu.public_findings import PublicFacts
from imprint.lenses.dejavu.study.backgrounds import cut_backgrounds
from imprint.lenses.dejavu.study.doubt_tests import OneModelDoubts, doubt_findings
from imprint.lenses.dejavu.study.doubts import Doubts, check_kept, find_doubts
from imprint.lenses.dejavu.study.galleries import OneModelGallery
from imprint.lenses.dejavu.study.guess import TOP_RANKED
from imprint.lenses.dejavu.study.one_model_attack import (
    EMBEDDINGS,
    MODEL,
    UNTRAINED,
    AttackModel,
)
from imprint.lenses.dejavu.study.own_public import open_own_public, own_public_facts
from imprint.lenses.dejavu.study.record_images import RecordImages, why_no_images
from imprint.lenses.dejavu.study.references import ReferencePool, check_references, make_references
from imprint.lenses.dejavu.study.roles import MAX_ATTACKED_SHARE, CropPool
from imprint.lenses.dejavu.study.untrained_copy import untrained_copy
from imprint.lenses.dejavu.study.visible_objects import VisibleObjects, visible_objects
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import FEATURES, Observed, Wanted, observe_batch
from imprint.study.counted import uncounted
from imprint.study.finding import from_json, read_finding, to_json
from imprint.study.options import CropChoice
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.tables import read_table, write_table

TEST_PART, CONTROL_PART = "one-model test", "control of an untrained network"
FEATURES_LAYER = "penultimate features"
SECONDS_PER_CROP = 1.2e-2
"""To describe a crop and fit both references to it, on one core."""
MIN_NON_MEMBERS = 8
BATCH = 256
STATISTICS_BATCHES = 4
"""Batches that batch-norm of an untrained network takes its statistics from."""


@dataclass(frozen=True, eq=False)
class OwnRoles:
    """Which records are attacked and which vote, and the crops of the attacked ones.

    Attributes:
        images: of members, then non-members, then public images from elsewhere.
        pool: crops of attacked members and non-members.
        public: int64, images that vote.
        facts: what is known of them.
    """

    images: RecordImages
    pool: CropPool
    public: IntArray
    facts: PublicFacts


def choose_own_roles(model: AuditedModel, options: OwnDejavuChoice, seed: int) -> OwnRoles:
    """Return roles and crops.

    Raises:
        ImprintError: no member has a background to attack, or public images that cannot be used.
    """
    elsewhere = open_own_public(model, options)
    images = RecordImages(
        model.members, model.non_members, None if elsewhere is None else elsewhere.records
    )
    first, attacked, controlled = _counts(model, options)
    drawn = generator(seed, "one-model members").permutation(first)
    others = first + generator(seed, "one-model unseen").permutation(len(model.non_members))
    members = np.sort(drawn[:attacked])
    non_members, public = np.sort(others[:controlled]), np.sort(others[controlled:])
    index = np.concatenate([members, non_members]).astype(np.int64)
    is_member = np.arange(len(index)) < len(members)
    without_boxes = images.boxes() is None
    choice = CropChoice(
        crop="corner" if without_boxes else "maxrect",
        corner_fraction=options.corner_fraction,
        corner=options.corner,
    )
    cuts = cut_backgrounds(images, index, choice)
    cuts.check_any(is_member, "no image to attack")
    pool = CropPool(
        cuts.index,
        cuts.squares,
        np.ones(len(cuts.index), dtype=bool),
        is_member[cuts.usable],
        cuts.dropped(np.ones(len(index), dtype=bool)),
        choice.crop,
        without_boxes,
    )
    index = pool.index[pool.attacked]
    facts = own_public_facts(images, public.astype(np.int64), elsewhere, index)
    if elsewhere is not None:
        public = np.arange(len(images) - len(elsewhere.records), len(images))
    return OwnRoles(images, pool, public.astype(np.int64), facts)


def _counts(model: AuditedModel, options: OwnDejavuChoice) -> tuple[int, int, int]:
    """Return how many members there are, and how many members and non-members are attacked."""
    members = len(model.members)
    attacked = min(members, options.attacked or members)
    share = MAX_ATTACKED_SHARE if options.public is None else 1.0
    return members, attacked, min(attacked, int(share * len(model.non_members)))


@dataclass(frozen=True)
class EmbedCrops(Step):
    """Penultimate features of public images and of attacked crops, as tables of the test.

    Attributes:
        model: under audit.
        images: of the records.
        index: int64 ``[n]``, attacked images.
        squares: float64 ``[n, 4]``, the crop of each.
        public: int64, images that vote.
        untrained: whether to embed all of them under an untrained copy as well.
        seed: of that copy.
        non_members: what the shared pass saw of them.
    """

    model: AuditedModel
    images: RecordImages
    index: IntArray
    squares: FloatArray
    public: IntArray
    untrained: bool
    seed: int
    non_members: Observed = uncounted()

    artefact = EMBEDDINGS
    inputs = ("observed/non_members",)

    def build(self, path: Path) -> None:
        """Write ``model.public``, ``model.crops`` and, if asked, those of the untrained copy."""
        path.mkdir(exist_ok=True)
        network = self.model.network
        assert network is not None
        if self.images.public is None:
            features = self.non_members.require_features()
            seen = np.asarray(features[self.public - len(self.model.members)])
        else:
            seen = self._embed(network, self._whole(self.public, "embed"))
        self._write(path, MODEL, "public", self.public, seen)
        self._write(path, MODEL, "crops", self.index, self._embed(network, self._crops("embed")))
        if self.untrained:
            few = self.public[: STATISTICS_BATCHES * BATCH]
            copied = untrained_copy(network, self._whole(few, "untrained copy"), self.seed)
            whole = self._embed(copied, self._whole(self.public, "control"))
            self._write(path, UNTRAINED, "public", self.public, whole)
            crops = self._embed(copied, self._crops("control"))
            self._write(path, UNTRAINED, "crops", self.index, crops)

    def _crops(self, what: str) -> Iterator[NDArray[Any]]:
        starts = range(0, len(self.index), BATCH)
        for start in track(starts, f"{what}: crops", len(starts), "batch"):
            part = slice(start, start + BATCH)
            yield self.images.read_inputs(self.index[part], self.squares[part])

    def _whole(self, index: IntArray, what: str) -> Iterator[NDArray[Any]]:
        elsewhere = self.images.public
        rows = index - len(self.model.members)
        inputs = self.model.non_members.inputs
        if elsewhere is not None:
            rows, inputs = rows - len(self.model.non_members), elsewhere.inputs
        starts = range(0, len(rows), BATCH)
        for start in track(starts, f"{what}: public images", len(starts), "batch"):
            yield inputs.read(rows[start : start + BATCH])

    @staticmethod
    def _embed(network: NetworkPredictor, batches: Iterator[NDArray[Any]]) -> NDArray[np.float32]:
        wanted = Wanted(features=True)
        seen = [observe_batch(network, inputs, wanted)[0][FEATURES] for inputs in batches]
        return np.concatenate(seen)

    @staticmethod
    def _write(
        path: Path, model: str, view: str, index: IntArray, values: NDArray[np.float32]
    ) -> None:
        if not np.isfinite(values).all():
            raise ImprintError(
                f"features of {view} under the {model} network are not finite: check its weights "
                "and how inputs are scaled"
            )
        write_table(path / f"{model}.{view}.parquet", {"index": index, "backbone": values})


def _refuses(model: AuditedModel, options: OwnDejavuChoice) -> str | None:
    for records in (model.members, model.non_members):
        reason = why_no_images(records)
        if reason is not None:
            return reason
    if model.network is None:
        return "embeds crops by a PyTorch network, and this model is none"
    if model.members.labels is None or model.non_members.labels is None:
        return "needs one class an image"
    if len(np.unique(model.members.labels)) < 2:
        return "needs members of at least two classes"
    if len(model.non_members) < MIN_NON_MEMBERS or len(model.members) < options.folds:
        return (
            f"needs at least {options.folds} members and {MIN_NON_MEMBERS} non-members, some to "
            "attack and some as public images"
        )
    return None


def _wants(model: AuditedModel, options: OwnDejavuChoice) -> Wanted:
    return Wanted(features=True)


def _plan(model: AuditedModel, options: OwnDejavuChoice, pace: Pace) -> list[Part]:
    check_references(options.reference_choice)
    _, members, others = _counts(model, options)
    crops = members + others
    test = Part(
        TEST_PART,
        crops * (pace.forward + SECONDS_PER_CROP),
        f"déjà vu of {members} members, from {crops} crops that are new inputs",
        essential=True,
    )
    if not options.controls:
        return [test]
    control = Part(
        CONTROL_PART,
        (crops + len(model.non_members) - others) * pace.forward,
        "the same test of a network that knows nothing",
    )
    return [test, control]


def _run(run: AuditRun) -> JsonObject:
    options: OwnDejavuChoice = run.options
    roles = choose_own_roles(run.model, options, run.seed)
    images, pool = roles.images, roles.pool
    crops = View(images, pool.index, rectangles=pool.squares)
    visible = visible_objects(options, crops)
    step = EmbedCrops(
        run.model,
        images,
        pool.index,
        pool.squares,
        roles.public,
        run.has(CONTROL_PART),
        run.seed,
        run.observed["non_members"],
    )
    embeddings = run.study.run(step)
    doubts = _doubts(run, roles, crops, visible)
    references = make_references(
        ReferencePool(images, pool, options.folds, 1, run.seed, run.study, run.model.device),
        options.reference_choice,
    )
    attack = AttackChoice(
        k=min(options.k, len(roles.public)),
        voting=min(options.voting, len(roles.public)),
        metric=options.metric,
        top_percent=options.top_percent,
        top_classes=min(options.top_classes, TOP_RANKED, len(images.classes)),
        layer="backbone",
    )
    test = AttackModel(
        images=images,
        index=pool.index,
        squares=pool.squares,
        members=pool.members,
        attack=attack_of(attack),
        reference_names=tuple(options.references),
        calibrate=True,
        exclude=None,
        controls=options.controls,
        export_legacy=False,
        seed=run.seed,
        references=references,
        embeddings=embeddings,
    )
    kept = doubts.kept(len(pool.index))
    tables = run.study.run(test if kept.all() else test.on(kept))
    run.study.run(OneModelGallery(crops, tables))
    findings = read_finding(OneModelFindings, tables / "findings.json")
    again = OneModelDoubts(test, doubts.subsets)
    tests = doubt_findings(run.study, doubts, again, findings.against[findings.best].test)
    findings = replace(findings, doubts=tests)
    facts = _facts(roles)
    return {"dejavu": {"one_model": to_json(findings), "facts": to_json(facts)}}


def _doubts(run: AuditRun, roles: OwnRoles, crops: View, visible: VisibleObjects | None) -> Doubts:
    """Return which attacked images are in doubt.

    Raises:
        ImprintError: no member is left to test.
    """
    pool, options = roles.pool, run.options
    device = cast(DeviceName, run.model.device.type)
    sets = {
        "members": pool.index[pool.members],
        "non-members": pool.index[~pool.members],
        "public": roles.public,
    }
    doubts = find_doubts(run.study, options, crops, sets, visible, device)
    check_kept(doubts.kept(len(pool.index)), {"the members": pool.members})
    return doubts


def _facts(roles: OwnRoles) -> OneModelFacts:
    pool = roles.pool
    return OneModelFacts(
        public=len(roles.public),
        public_may_be_members=roles.facts.may_be_members,
        public_images=roles.facts,
        attacked_members=int(pool.members.sum()),
        attacked_non_members=int((~pool.members).sum()),
        reference_crops=len(pool.index),
        dropped=pool.dropped,
        crop_rule=pool.rule,
        without_boxes=pool.without_boxes,
        layer=FEATURES_LAYER,
        stretched=True if roles.images.stretched else None,
    )


def _columns(study: Path) -> dict[str, tuple[IntArray, NDArray[Any]]]:
    """Return whether the model knows more of a member than its background says, and how sure."""
    folder = study / AttackModel.artefact
    if not (folder / "records.parquet").exists():
        return {}
    records = read_table(folder / "records.parquet")
    return {
        "dejavu_claimed": (records["index"], records["rank"] >= 0),
        "dejavu_memorization": (records["index"], records[f"{STRICTEST}_memorization"]),
    }


AUDIT_LENSES.register("dejavu")(
    AuditLens(
        "dejavu",
        "Déjà vu",
        10,
        OwnDejavuChoice,
        _refuses,
        _wants,
        _plan,
        _run,
        lambda content: from_json(OneModelFindings, content["one_model"], "summary.json"),
        _columns,
    )
)
