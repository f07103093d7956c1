"""Trajectory, learned and one-query attacks on models of one cohort, in one table.

    OMP_NUM_THREADS=1 python benchmarks/learned_attacks.py train --out runs/digits
    OMP_NUM_THREADS=1 python benchmarks/learned_attacks.py train --data cifar10 --out runs/cifar
    OMP_NUM_THREADS=1 python benchmarks/learned_attacks.py table --out runs/digits
    OMP_NUM_THREADS=1 python benchmarks/learned_attacks.py one-query --out runs/digits

``train`` trains models on random halves of some records (perceptrons on scikit-learn's digits with
15 % of the labels drawn anew, or patch ConvNets on CIFAR-10), and keeps the last weights of each
and its margins on all records and on a population after some epochs. ``table`` attacks the first
models by arrays, ``one-query`` some records of theirs by one label each.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.seeds import generator
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ArrayImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References, loss, probability
from imprint.lenses.membership.one_query import oslo, yoqo
from imprint.membership import trajectory_iqr, upper_bound
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.nets.save import save_model
from imprint.probe.signals.confidence import margin
from imprint.stats.roc import area, roc
from imprint.train.cohort.masks import balanced_masks
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import cohort_card, plan_models
from imprint.train.cohort.resident import load_resident
from imprint.train.cohort.training import Training

CPU = torch.device("cpu")
NOISY_LABELS = 0.15
DIGITS = CohortOptions(
    architecture="mlp",
    architecture_options=(("widths", "128"),),
    input_size=8,
    mean=(0.0,),
    std=(1.0,),
    epochs=40,
    batch_size=64,
    optimizer="adamw",
    learning_rate=8e-3,
    weight_decay=0.0,
    view=Augmentation(crop="none", flip=0.0),
)
CIFAR = CohortOptions(
    architecture_options=(("width", "16"),),
    epochs=30,
    batch_size=64,
    view=Augmentation(crop="none", flip=0.5),
)
CHECKPOINTS = {40: (1, 2, 4, 8, 14, 20, 30, 40), 30: (1, 2, 4, 7, 11, 16, 22, 30)}
"""Epochs after which margins are taken, by those of the training."""
PIXEL_COMPONENTS = 16
BASELINES = ("loss", "attack_p", "quantile", "mast", "lira", "lira_shrunk", "rmia")


@dataclass(frozen=True, eq=False)
class Models:
    """What is known of the models of a cohort.

    Attributes:
        phi: margins at every checkpoint, float64 ``[K, E, N + Q]``, records before the population.
        members: bool ``[K, N]``.
        images: of records and population.
    """

    phi: FloatArray
    members: BoolArray
    images: ArrayImages

    @property
    def records(self) -> int:
        """How many records there are."""
        return self.members.shape[1]

    @cached_property
    def features(self) -> FloatArray:
        """The class of each image and its first principal components, ``[F, N + Q]``."""
        pixels = self.images.pixels.reshape(len(self.images), -1) / 255.0
        centred = pixels - pixels.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        classes = np.eye(len(self.images.classes))[self.images.labels]
        return np.concatenate([classes, centred @ axes[:PIXEL_COMPONENTS].T], axis=1).T


def train(options: argparse.Namespace) -> None:
    """Train every model that is not there yet, and keep its margins at every checkpoint."""
    images, settings = read_images(options)
    records = part(images, slice(0, options.records))
    masks = balanced_masks(len(records), options.models, seed=0)
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez(
        options.out / "data.npz", pixels=images.pixels, labels=images.labels, members=masks.members
    )
    card = cohort_card(records, settings)
    plans = plan_models(masks.members, range(options.models), settings, 0)
    for plan in plans:
        if (options.out / f"{plan.model:04d}.npz").exists():
            continue
        training = Training(
            [plan], load_resident(records, settings.input_size, CPU), card, settings
        )
        margins = []
        for step in training.steps():
            epoch, within = divmod(step, plan.per_epoch)
            if not within and epoch in CHECKPOINTS[settings.epochs]:
                [trained] = training.trained()
                margins.append(margins_of(trained.model.eval(), images))
                trained.model.train()
        save_model(options.out / f"{plan.model:04d}.safetensors", trained.model, card)
        np.savez(options.out / f"{plan.model:04d}.npz", phi=np.stack(margins))
        print(f"model {plan.model} of {options.models}", flush=True)


def read_images(options: argparse.Namespace) -> tuple[ArrayImages, CohortOptions]:
    """Return records and population in this order, and how models are trained."""
    random = generator(0, "learned attacks")
    count = options.records + options.population
    if options.data:
        images = open_images(options.data)
        drawn = View(images, random.permutation(len(images))[:count]).read(CIFAR.input_size)
        return ArrayImages(drawn.pixels, drawn.labels, images.classes), CIFAR
    digits = load_digits()
    rows = random.permutation(len(digits.target))[:count]
    pixels = np.round(digits.images[rows] * 255 / 16).astype(np.uint8)[:, None]
    other = (digits.target[rows] + random.integers(1, 10, len(rows))) % 10
    noisy = random.random(len(rows)) < NOISY_LABELS
    labels = np.where(noisy, other, digits.target[rows]).astype(np.int64)
    return ArrayImages(pixels, labels, tuple("0123456789")), DIGITS


@torch.inference_mode()
def margins_of(model: ImageModel, images: ArrayImages) -> FloatArray:
    """Return the logit margin of every image, float64 ``[n]``."""
    parts = []
    for start in range(0, len(images), 250):
        rows = slice(start, start + 250)
        logits = model(model.to_inputs(images.pixels[rows])).double()
        parts.append(margin(logits, torch.from_numpy(images.labels[rows])))
    return np.asarray(torch.cat(parts).numpy())


def part(images: ArrayImages, rows: slice) -> ArrayImages:
    """Return some of the images."""
    return ArrayImages(images.pixels[rows], images.labels[rows], images.classes)


def read_models(out: Path, count: int) -> Models:
    """Return the first models that were trained."""
    files = sorted(out.glob("[0-9]*.npz"))[:count]
    data = np.load(out / "data.npz")
    classes = tuple(map(str, range(int(data["labels"].max()) + 1)))
    images = ArrayImages(data["pixels"], data["labels"], classes)
    members = data["members"][[int(file.stem) for file in files]]
    return Models(np.stack([np.load(file)["phi"] for file in files]), members, images)


def evidence_of(models: Models, target: int) -> Evidence:
    """Return what is known of one model with the others as references."""
    count = models.records
    final, losses = models.phi[:, -1:], loss(models.phi)
    signals = {"phi": final[:, :, :count], "trajectory": losses[:, :, :count]}
    cohort = Cohort(signals, models.members, {"phi": final[:, :, count:]})
    features = models.features
    own = {kind: values[target] for kind, values in signals.items()}
    return Evidence(
        {**own, "features": features[:, :count]},
        References(cohort, target),
        {"phi": final[target][:, count:], "features": features[:, count:]},
    )


def rates(scores: FloatArray, members: BoolArray) -> tuple[float, float]:
    """Return AUC and TPR at 1 % FPR."""
    curve = roc(scores[members], scores[~members])
    return area(scores[members], scores[~members]), float(curve.tpr[curve.fpr <= 0.01].max())


def print_row(name: str, results: list[tuple[float, float]], seconds: float) -> None:
    """Print means over targets with their standard errors, in %."""
    values = 100 * np.array(results)
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    cells = " | ".join(f"{v:.1f} ± {e:.1f}" for v, e in zip(values.mean(0), errors, strict=True))
    print(f"| {name} | {cells} | {seconds / len(results):.2f} |", flush=True)


def table(options: argparse.Namespace) -> None:
    """Attack the first models by arrays and print AUC, TPR at 1 % FPR and seconds a target."""
    models = read_models(options.out, options.models)
    inside, outside = (
        float((models.phi[:, -1, : models.records] > 0)[side].mean())
        for side in (models.members, ~models.members)
    )
    print(f"{len(models.phi)} models, p > ½ on members {inside:.3f}, on others {outside:.3f}")
    for name, attack, settings in list_rows():
        results, started = [], time.perf_counter()
        for target in range(min(options.targets, len(models.phi))):
            scores = ATTACKS.get(attack).score(evidence_of(models, target), settings)
            results.append(rates(scores, models.members[target]))
        print_row(name, results, time.perf_counter() - started)
    bounded, ranks, started = [], [], time.perf_counter()
    for target in range(min(options.targets, len(models.phi))):
        evidence, members = evidence_of(models, target), models.members[target]
        signals = np.concatenate([evidence.target["phi"], evidence.target["features"]])
        bounded.append(rates(upper_bound(signals, members)[0], members))
        ranks.append(vulnerable_ranks(models, target))
    print_row("upper_bound (knows half of the members)", bounded, time.perf_counter() - started)
    print(f"rank correlation of trajectory_iqr with memorization, of members: {np.mean(ranks):.2f}")


def list_rows() -> list[tuple[str, str, dict[str, object]]]:
    """Return label, attack and settings of each row."""
    rows: list[tuple[str, str, dict[str, object]]] = [(name, name, {}) for name in BASELINES]
    variants = {
        "trajectory": [{}, {"relative": False}, {"learner": "boosting"}],
        "qmia": [{}, {"mode": "pinball"}],
        "classifier": [{}, {"learner": "boosting"}],
    }
    for name, each in variants.items():
        for changes in each:
            label = ", ".join([name, *(f"{key} {value}" for key, value in changes.items())])
            options = ATTACKS.get(name).Options
            assert options is not None
            rows.append((label, name, {name: options(**changes)}))
    return rows


def vulnerable_ranks(models: Models, target: int) -> float:
    """Return the rank correlation of members' interquartile ranges with their memorization.

    Memorization is the mean probability of the class under the other IN models, less under OUT.
    """
    from scipy.stats import spearmanr

    own, count = models.members[target], models.records
    ranges = trajectory_iqr(loss(models.phi[target, :, :count]))
    others = np.delete(np.arange(len(models.phi)), target)
    values, masks = probability(models.phi[others, -1, :count]), models.members[others]
    gap = np.average(values, axis=0, weights=masks) - np.average(values, axis=0, weights=~masks)
    return float(spearmanr(ranges[own], gap[own]).statistic)


def one_query(options: argparse.Namespace) -> None:
    """Attack some records of the first models by one label each."""
    models = read_models(options.out, options.models)
    files = sorted(options.out.glob("[0-9]*.safetensors"))[: options.models]
    networks = [NetworkFile(file).load() for file in files]
    rows = np.arange(min(options.attacked, models.records))
    inputs = networks[0].to_inputs(models.images.pixels[rows])
    labels = torch.from_numpy(models.images.labels[rows])
    in_range = {"least": 0.0, "most": 1.0}
    search = {**in_range, "rounds": 20, "validation_models": 8}
    attacks = {
        "correctness": lambda *known, members: yoqo(*known, members=members, steps=0),
        "yoqo": lambda *known, members: yoqo(*known, members=members, **in_range),
        "oslo": lambda *known, members: oslo(*known, members=members, **search),
        "oslo, radius 2": lambda *known, members: oslo(
            *known, members=members, **search, radius=2.0, step_size=0.03
        ),
    }
    for name, attack in attacks.items():
        results, started = [], time.perf_counter()
        for target in range(options.targets):
            others = [row for row in range(len(networks)) if row != target]
            masks = torch.from_numpy(models.members[others][:, rows])
            found = attack(
                networks[target], [networks[row] for row in others], inputs, labels, members=masks
            )
            own = models.members[target, rows]
            results.append((rates(found.scores, own)[0], balanced(found.kept[-1], own)))
            rate = [found.kept[:, side].mean(axis=1).round(3).tolist() for side in (own, ~own)]
        print_row(f"{name} ({found.queries} queries)", results, time.perf_counter() - started)
        print(f"  kept by target {target}: members {rate[0]}, others {rate[1]}")


def balanced(kept: BoolArray, members: BoolArray) -> float:
    """Return the balanced accuracy of one label."""
    return float((kept[members].mean() + 1 - kept[~members].mean()) / 2)


STAGES = {"train": train, "table": table, "one-query": one_query}


def main() -> None:
    """Run one of the stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=tuple(STAGES))
    parser.add_argument("--data", type=Path, help="CIFAR-10, one folder a class; else digits")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=int, default=64)
    parser.add_argument("--records", type=int, default=1400)
    parser.add_argument("--population", type=int, default=397)
    parser.add_argument("--targets", type=int, default=16)
    parser.add_argument("--attacked", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    STAGES[options.stage](options)


if __name__ == "__main__":
    main()
