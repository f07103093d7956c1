"""``imprint dejavu reconstruct``: what both encoders of a two-model test recall from crops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.audits.reconstruction.gallery import PairGallery
from imprint.audits.reconstruction.judge import TrainJudge, check_classifier
from imprint.audits.reconstruction.options import RecallChoice, RecallOptions, Recipe
from imprint.audits.reconstruction.sampled_pair import SamplePair, read_pair
from imprint.audits.reconstruction.tested_pair import TestedPair, open_pair
from imprint.core.arrays import IntArray, Pixels
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.lenses.reconstruct.evaluation import (
    ImageReadings,
    evaluate_samples,
)
from imprint.lenses.reconstruct.options import Conditioning, SamplingOptions
from imprint.lenses.reconstruct.pair_findings import PairFindings
from imprint.lenses.reconstruct.study.judge import Judge, Judged
from imprint.nets.load import NetworkFile
from imprint.report.summary import finish
from imprint.report.wording import plural
from imprint.study.counted import part_of, uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

SETS = ("attacked", "outside")


@dataclass(frozen=True, eq=False)
class SampledSet:
    """Crops with the samples of both encoders.

    Attributes:
        crops: what the encoders saw.
        target: number of the encoder that is the target of each, int64 ``[n]``.
        folder: of the samples.
    """

    crops: View
    target: IntArray
    folder: Path

    @property
    def originals(self) -> View:
        """The whole images."""
        return View(self.crops.images, self.crops.index)


@dataclass(frozen=True)
class JudgeRecall(Step):
    """Judge samples of attacked and of public images: ``findings.json``, ``samples.parquet``.

    Attributes:
        classifier: that judges.
        targets: which encoder is the target of each image, by set.
        recipes: that were sampled.
        nearest: neighbours whose backbones were averaged.
        sampling: how.
        seed: of intervals.
        sets: samples by set.
        name: of the classifier, for the report.
    """

    classifier: NetworkFile
    targets: Mapping[str, IntArray]
    recipes: tuple[Recipe, ...]
    nearest: int
    sampling: SamplingOptions
    seed: int
    name: str
    sets: Mapping[str, SampledSet] = uncounted()
    device: DeviceName = uncounted(default="auto")

    artefact = "tables/reconstruction"
    inputs = tuple(f"samples/{name}" for name in SETS)

    def build(self, path: Path) -> None:
        """Write findings and a row a sample."""
        path.mkdir(exist_ok=True)
        images = self.sets["attacked"].crops.images
        model = self.classifier.load(choose_device(self.device))
        judge = Judge(model, None, images.classes)
        recipes, columns = {}, []
        for recipe in self.recipes:
            readings = {}
            for name, each in self.sets.items():
                labels, pair = each.crops.labels, read_pair(each.folder, recipe, each.target)
                own, other = (_judge(judge, samples, name) for samples in pair)
                side = pair[0].shape[-1]
                truth = judge.judge(each.originals.read(side).pixels, f"judge {name} originals")
                count = pair[0].shape[1]
                readings[name] = ImageReadings(
                    labels,
                    truth.classes,
                    truth.features,
                    own.grouped(count),
                    other.grouped(count),
                )
                columns.append(_rows(name, recipe, each, (own, other)))
            recipes[str(recipe)] = evaluate_samples(
                readings["attacked"],
                readings["outside"],
                classifier=self.name,
                features=self.name,
                seed=self.seed,
            )
        sampling = self.sampling
        findings = PairFindings(
            recipes, sampling.sampler, sampling.sampling_steps, sampling.guidance, self.nearest
        )
        write_finding(path / "findings.json", findings)
        joined = {key: np.concatenate([each[key] for each in columns]) for key in columns[0]}
        write_table(path / "samples.parquet", joined)


def _judge(judge: Judge, samples: Pixels, name: str) -> Judged:
    """Return what the classifier makes of samples, uint8 ``[n, s, C, S, S]``, a row a sample."""
    return judge.judge(samples.reshape(-1, *samples.shape[2:]), f"judge {name} samples")


def _rows(
    name: str, recipe: Recipe, sampled: SampledSet, judged: tuple[Judged, Judged]
) -> dict[str, NDArray[Any]]:
    """Return a row a sample, those of the target before those of the reference."""
    size = len(judged[0].classes)
    each = size // len(sampled.target)
    labels = np.repeat(sampled.crops.labels, each)
    roles = np.concatenate([sampled.target, 1 - sampled.target])
    return {
        "index": np.tile(np.repeat(sampled.crops.index, each), 2),
        "set": np.full(2 * size, name),
        "recipe": np.full(2 * size, recipe),
        "role": np.repeat(["target", "reference"], size),
        "encoder": np.array(SIDES)[np.repeat(roles, each)],
        "sample": np.tile(np.arange(each), 2 * len(sampled.target)),
        "label": np.tile(labels, 2),
        "prediction": np.concatenate([side.classes for side in judged]),
        "probability": np.concatenate(
            [side.probabilities[np.arange(size), labels] for side in judged]
        ),
    }


def recall_study(options: RecallOptions) -> JsonObject:
    """Sample both encoders of a finished test, judge the samples, and write the report.

    Raises:
        ImprintError: no such study or runs, options that do not fit, or a folder made otherwise.
    """
    pair = open_pair(options.study, options.run_a, options.run_b)
    study = Study(options.out)
    with study.locked():
        findings = recall_pair(study, pair, options, options.seed, options.device)
        lenses = {"reconstruct_pair": to_json(findings)}
        return finish(study, options, image_facts(pair.images), lenses)


def recall_pair(
    study: Study, pair: TestedPair, choice: RecallChoice, seed: int, device: DeviceName
) -> PairFindings:
    """Sample attacked and public images of a pair, judge the samples, and choose some to show.

    Raises:
        ImprintError: options that do not fit, or steps that were made otherwise.
    """
    check_recipe(choice, pair.runs["A"].card.conditioning)
    crops, target, rows = pair.attacked(choice.images, seed)
    others, roles = pair.outside(choice.images or len(crops), seed)
    sampling = part_of(choice, SamplingOptions)
    for run in pair.runs.values():
        run.check(sampling, max(len(crops), len(others)) * 2)
        check_nearest(choice, len(run.index))
    classifier, name = _classifier(study, pair, choice, seed, device)
    sets = {}
    for what, view, side in (("attacked", crops, target), ("outside", others, roles)):
        step = SamplePair(
            view, pair.runs, choice.recipes, choice.nearest, sampling, seed, what, device
        )
        sets[what] = SampledSet(view, side, study.run(step))
    judged = JudgeRecall(
        classifier=classifier,
        targets={what: each.target for what, each in sets.items()},
        recipes=choice.recipes,
        nearest=choice.nearest,
        sampling=sampling,
        seed=seed,
        name=name,
        sets=sets,
        device=device,
    )
    tables, samples = study.run(judged), sets["attacked"].folder
    if choice.shown:
        gallery = PairGallery(
            crops, target, rows, choice.recipes, choice.shown, pair.records, samples, tables
        )
        study.run(gallery)
    return read_finding(PairFindings, tables / "findings.json")


def check_recipe(choice: RecallChoice, conditioning: Conditioning) -> None:
    """Check that a recipe can be made of the representations that diffusion models take.

    Raises:
        ImprintError: it cannot.
    """
    if "neighbours" in choice.recipes and conditioning != "both":
        raise ImprintError(
            f"the diffusion models take the {conditioning} alone, and --recipe neighbours mixes "
            "the neighbours' backbone with the crop's projector: choose --recipe crop, or train "
            "them with --conditioning both"
        )


def check_nearest(choice: RecallChoice, images: int) -> None:
    """Check that there are as many public images as neighbours, besides the crop's own.

    Args:
        choice: of the neighbours.
        images: public ones that the diffusion models are trained on.

    Raises:
        ImprintError: there are fewer.
    """
    if images <= choice.nearest:
        raise ImprintError(
            f"the diffusion models have {plural(images, 'public image')}, too few for --nearest "
            f"{choice.nearest} besides the crop's own: give at most {max(images - 1, 0)}"
        )


def _classifier(
    study: Study, pair: TestedPair, choice: RecallChoice, seed: int, device: DeviceName
) -> tuple[NetworkFile, str]:
    """Return the classifier with its name; without one it is trained on public images.

    Raises:
        ImprintError: the given one cannot be used, before anything is sampled.
    """
    if choice.classifier is not None:
        encoders = {run.card.encoder for run in pair.runs.values()}
        check_classifier(NetworkFile(choice.classifier), pair.images, encoders)
        return NetworkFile(choice.classifier), choice.classifier.name
    side = pair.runs["A"].card.unet.image_size
    step = TrainJudge(View(pair.images, pair.partition.public), seed, side, device)
    file = study.run(step) / "final.safetensors"
    return NetworkFile(file), "a classifier trained on the public images"
