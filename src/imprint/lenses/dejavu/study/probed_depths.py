"""Linear probes of every depth of a frozen encoder, from one pass; neighbours and the attack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.data.augmentation import Augmentation
from imprint.data.boxes.background import CropRule
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_indices
from imprint.data.view import View
from imprint.lenses.dejavu.depth_findings import DepthFindings, MemberGap, ProbedDepths
from imprint.lenses.dejavu.memorization.depths import (
    NeighbourChoice,
    member_gap,
    neighbour_hits,
    own_neighbour_hits,
    probe_hits,
)
from imprint.lenses.dejavu.options import LinearProbeOptions
from imprint.lenses.dejavu.study.backgrounds import cut_backgrounds
from imprint.lenses.dejavu.study.roles import MAX_ATTACKED_SHARE
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile, network_file
from imprint.probe.depth_embeddings import embed_depths
from imprint.report.model_facts import network_facts
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.train.linear_layers import EpochFigures, Layers, augmented_features, fit_layers
from imprint.train.loop import hash_of_images
from imprint.train.probe_files import ProbeCard, save_probes
from imprint.train.probe_options import ProbeOptions

ARTEFACT = "probes"
Rows = Mapping[str, NDArray[np.float32]]
"""Representations by depth."""


def probe_depths(options: LinearProbeOptions) -> JsonObject:
    """Train probes of every depth, unless it is done; write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: images, weights, lists or options that cannot be used.
    """
    study = Study(options.out)
    with study.locked():
        images = open_choice(options, options.seed)
        network = network_file(options.model, options)
        members = np.sort(read_indices(options.members, images))
        others = np.sort(read_indices(options.non_members, images))
        _check_sets(images, members, others, options.k)
        step = ProbeDepths(
            images=images,
            members=members,
            non_members=others,
            attacked=_attacked_crops(images, members, others, options),
            encoder=network,
            probe=options.probe,
            view=options.view,
            neighbours=NeighbourChoice(options.k, options.metric, options.device),
            seed=options.seed,
            device=options.device,
        )
        findings = read_finding(ProbedDepths, study.run(step) / "findings.json")
        facts = {**image_facts(images), "members": len(members), "non_members": len(others)}
        lenses = {"dejavu_depths": to_json(findings)}
        return finish(study, options, facts, lenses, network_facts(network))


@dataclass(frozen=True, eq=False)
class MemberCrops:
    """Background crops of members and of non-members, and who votes on them.

    Attributes:
        index: int64 ``[n]``, the images, members first.
        squares: float64 ``[n, 4]``, what the encoder sees of each.
        members: bool ``[n]``.
        voters: int64 ``[M]``, places of the public images among the non-members.
        rule: how they were cut.
    """

    index: IntArray
    squares: FloatArray
    members: BoolArray
    voters: IntArray
    rule: CropRule


@dataclass(frozen=True, kw_only=True)
class ProbeDepths(Step):
    """Train a probe of every depth on one encoder; measure probes, neighbours and the attack.

    Writes ``probes.safetensors`` and its card, ``log.jsonl`` with a line per epoch, and
    ``findings.json``.

    Attributes:
        members: int64 ``[n]``, images the encoder was trained on.
        non_members: int64 ``[m]``, images it was not trained on.
        attacked: background crops of both; a reason where there are none.
    """

    images: ImageSet
    members: IntArray
    non_members: IntArray
    attacked: MemberCrops | Missing
    encoder: NetworkFile
    probe: ProbeOptions
    view: Augmentation
    neighbours: NeighbourChoice
    seed: int
    device: DeviceName = uncounted(default="auto")

    artefact = ARTEFACT

    def build(self, path: Path) -> None:
        """Train and measure."""
        path.mkdir(exist_ok=True)
        device = choose_device(self.device)
        model = self.encoder.load(device)
        model.place(device).eval()
        with TemporaryDirectory(dir=path) as folder:
            others = self._embed(model, View(self.images, self.non_members), folder, "non-members")
            layers = self._train(model, others, path)
            members = self._embed(model, View(self.images, self.members), folder, "members")
            crops: Rows = {}
            if isinstance(self.attacked, MemberCrops):
                view = View(self.images, self.attacked.index, rectangles=self.attacked.squares)
                crops = self._embed(model, view, folder, "background crops")
            depths = [
                self._measure(depth, layer, members[depth], others[depth], crops.get(depth))
                for depth, layer in _on_cpu(layers).items()
            ]
            del members, others, crops
        attacked = self.attacked if isinstance(self.attacked, MemberCrops) else None
        findings = ProbedDepths(
            self.encoder.path.stem,
            self.neighbours.k,
            self.neighbours.metric,
            "none" if attacked is None else attacked.rule,
            0 if attacked is None else len(attacked.voters),
            tuple(depths),
        )
        write_finding(path / "findings.json", findings)

    def _embed(self, model: ImageModel, view: View, folder: str, what: str) -> Rows:
        place = Path(folder) / what.replace(" ", "_")
        place.mkdir()
        return embed_depths(model, view, place, f"embed {what}")

    def _train(self, model: ImageModel, others: Rows, path: Path) -> Layers:
        """Train the probes; write them, their card and the log."""
        device, labels = model.device, self.images.labels[self.non_members]
        lines: list[str] = []

        def measure(epoch: int, layers: Layers, figures: EpochFigures) -> None:
            line: JsonObject = {"epoch": epoch + 1}
            for depth, layer in _on_cpu(layers).items():
                first, among = probe_hits(*layer, others[depth], labels)
                line[depth] = {
                    "loss": figures.loss[depth],
                    "top1": figures.top1[depth],
                    "held_out_top1": float(first.mean()),
                    "held_out_top5": float(among.mean()),
                }
            lines.append(json.dumps(line) + "\n")

        layers = fit_layers(
            augmented_features(
                model,
                self.images,
                self.members,
                self.probe.batch_size,
                self.view,
                self.seed,
                device,
            ),
            len(self.images.classes),
            self.probe,
            self.seed,
            self.encoder.path.stem,
            measure,
        )
        card = ProbeCard(
            encoder=model.fingerprint(),
            widths={depth: layer.in_features for depth, layer in layers.items()},
            classes=tuple(self.images.classes),
            images=hash_of_images(self.members),
            options=self.probe,
            seed=self.seed,
        )
        save_probes(path / "probes.safetensors", layers, card)
        (path / "log.jsonl").write_text("".join(lines), encoding="utf-8")
        return layers

    def _measure(
        self,
        depth: str,
        layer: tuple[NDArray[np.float32], NDArray[np.float32]],
        members: NDArray[np.float32],
        others: NDArray[np.float32],
        crops: NDArray[np.float32] | None,
    ) -> DepthFindings:
        labels, other_labels = (
            self.images.labels[self.members],
            self.images.labels[self.non_members],
        )
        classes = len(self.images.classes)
        probed = probe_hits(*layer, members, labels), probe_hits(*layer, others, other_labels)
        return DepthFindings(
            depth,
            members.shape[1],
            member_gap(probed[0][0], probed[1][0]),
            member_gap(probed[0][1], probed[1][1]),
            member_gap(
                own_neighbour_hits(members, labels, classes, self.neighbours),
                neighbour_hits(others, other_labels, members, labels, classes, self.neighbours),
            ),
            self._attack(crops, others),
        )

    def _attack(
        self,
        crops: NDArray[np.float32] | None,
        others: NDArray[np.float32],
    ) -> MemberGap | Missing:
        if isinstance(self.attacked, Missing):
            return self.attacked
        assert crops is not None
        voters = self.attacked.voters
        right = neighbour_hits(
            crops,
            self.images.labels[self.attacked.index],
            others[voters],
            self.images.labels[self.non_members[voters]],
            len(self.images.classes),
            self.neighbours,
        )
        return member_gap(right[self.attacked.members], right[~self.attacked.members])


def _on_cpu(layers: Layers) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return weight ``[C, d]`` and bias ``[C]`` of each layer."""
    return {
        depth: (layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy())
        for depth, layer in layers.items()
    }


def _check_sets(images: ImageSet, members: IntArray, others: IntArray, k: int) -> None:
    both = np.intersect1d(members, others)
    if len(both):
        raise ImprintError(
            f"{len(both)} images are both members and non-members, {images.name_of(int(both[0]))} "
            "first: name each once"
        )
    if k >= len(members):
        raise ImprintError(
            f"--k is {k}, but there are {len(members)} members: choose a --k below that"
        )


def _attacked_crops(
    images: ImageSet, members: IntArray, others: IntArray, options: LinearProbeOptions
) -> MemberCrops | Missing:
    """Return the crops to attack: of members, and of a quarter of the non-members.

    Images without any boxes are cut at a corner, as in the one-model test.
    """
    count = min(len(members), int(MAX_ATTACKED_SHARE * len(others)))
    drawn = generator(options.seed, "probed depths").permutation(len(others))
    attacked, voters = np.sort(drawn[:count]), np.sort(drawn[count:])
    if len(voters) < options.k:
        return Missing(f"only {len(voters)} non-members are left to vote, fewer than k")
    rule: CropRule = "corner" if images.boxes() is None else options.crop
    index = np.concatenate([members, others[attacked]])
    is_member = np.arange(len(index)) < len(members)
    cuts = cut_backgrounds(images, index, replace(options, crop=rule))
    kept = is_member[cuts.usable]
    if kept.all() or not kept.any():
        return Missing(f"{'no non-member' if kept.any() else 'no member'} has a background crop")
    return MemberCrops(cuts.index, cuts.squares, kept, voters, rule)
