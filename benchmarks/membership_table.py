"""Every attack on every model of a cohort of 64, in one table with standard errors.

    python benchmarks/membership_table.py [--views 1] [--attacks all] [--base-attack rmia]

Data: the 1,797 digits of 8 × 8 pixels of scikit-learn, of which 297 stay apart as population; a
share of the labels is replaced at random, so that there is something to memorize. Models: 64-128-10
perceptrons, each trained on a balanced half by full-batch Adam, all at once. Views: the digit and,
with ``--views 5``, its four shifts by a pixel, which are the range of RaMIA; other attacks average
over them where that is their rule. Every model is the target once; the standard error is that of
the mean over targets, for other records as well (a quarter of the 95% interval's width).
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.lenses.membership.attack_kit.run import attack_cohort, choose_attacks
from imprint.lenses.membership.attacks.ramia import RamiaOptions
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort
from imprint.membership import usage_proportion
from imprint.probe.signals.confidence import entropy, margin, modified_entropy
from imprint.stats.estimate import Estimate

POPULATION = 297
HIDDEN = 128
USAGE_RECORDS = 600
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def main() -> None:
    """Train, attack, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=64)
    parser.add_argument("--noise", type=float, default=0.1, help="share of labels replaced")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--views", type=int, default=1, help="the digit, then its shifts")
    parser.add_argument("--attacks", default="all")
    parser.add_argument("--base-attack", default="rmia", help="of RaMIA")
    parser.add_argument("--usage", action="store_true", help="estimate usage of data sets instead")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    images, labels = digits(options.noise, random)
    records = len(labels) - POPULATION
    order = np.argsort(random.random((options.models, records)), axis=0)
    masks = order < options.models // 2
    started = time.perf_counter()
    logits = train(images, labels, masks, options.steps, options.seed)
    correct = logits[:, 0].argmax(-1) == torch.from_numpy(labels)
    inside, outside = correct[:, :records][masks], correct[:, :records][~masks]
    print(f"{options.models} models, {records} records, {time.perf_counter() - started:.0f} s")
    print(
        f"accuracy: members {inside.float().mean():.3f}, others {outside.float().mean():.3f}, "
        f"population {correct[:, records:].float().mean():.3f}"
    )
    cohort, others = signals(logits[:, : options.views], labels, masks)
    if options.usage:
        print_usage(cohort)
        return
    settings = {"ramia": RamiaOptions(base_attack=options.base_attack)}
    print(f"{'attack':<16}{'AUC':>14}{'TPR at 1% FPR':>18}{'bal. acc.':>16}{'seconds':>10}")
    rows = []
    for attack in choose_attacks(options.attacks.split(",")):
        started = time.perf_counter()
        outcome = attack_cohort(cohort, [attack], settings, others)
        seconds = time.perf_counter() - started
        if attack.name in outcome.skipped:
            print(f"{attack.name}: {outcome.skipped[attack.name]}")
            continue
        shown = evaluate_cohort(outcome.scores[attack.name], masks)
        rows.append((shown.auc.value, attack.name, shown, seconds))
    for _, name, shown, seconds in sorted(rows, key=lambda row: -row[0]):
        numbers = [shown.auc, shown.tpr_at_fpr["0.01"], shown.balanced_accuracy]
        columns = "".join(f"{percent(number):>16}" for number in numbers)
        print(f"{name:<16}{columns}{seconds:>10.1f}")


def digits(noise: float, random: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Return images float64 ``[N, 8, 8]`` and labels, a share of them drawn anew."""
    from sklearn.datasets import load_digits

    made = load_digits()
    order = random.permutation(len(made.target))
    images, labels = made.images[order] / 16, made.target[order].astype(np.int64)
    replaced = random.random(len(labels)) < noise
    return images, np.where(replaced, random.integers(0, 10, len(labels)), labels)


def train(
    images: FloatArray, labels: IntArray, masks: BoolArray, steps: int, seed: int
) -> torch.Tensor:
    """Return the logits of every model on every view, float32 ``[K, A, N, 10]``."""
    models = len(masks)
    torch.manual_seed(seed)
    x = torch.from_numpy(images.reshape(len(images), -1)).float()
    y = torch.from_numpy(labels)
    weights = [
        torch.randn(models, 64, HIDDEN) * (2 / 64) ** 0.5,
        torch.zeros(models, 1, HIDDEN),
        torch.randn(models, HIDDEN, 10) * HIDDEN**-0.5,
        torch.zeros(models, 1, 10),
    ]
    for each in weights:
        each.requires_grad_()
    # As many rows for each model as the largest set has; those beyond its own weigh nothing.
    most = int(masks.sum(axis=1).max())
    rows = torch.from_numpy(np.argsort(~masks, axis=1, kind="stable")[:, :most].copy())
    weight = torch.from_numpy(masks).gather(1, rows).float()
    weight /= weight.sum(dim=1, keepdim=True)
    optimiser = torch.optim.Adam(weights, lr=0.01)
    for _ in range(steps):
        logits = forward(x[rows], weights)
        loss = (
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), y[rows].flatten(), reduction="sum"
            )
            / rows.shape[1]
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.inference_mode():
        return torch.stack([forward(view, weights) for view in views(images)], dim=1)


def forward(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """Return logits ``[K, n, 10]`` of inputs ``[n, 64]`` or ``[K, n, 64]``."""
    first, first_bias, second, second_bias = weights
    return torch.relu(x @ first + first_bias) @ second + second_bias


def views(images: FloatArray) -> list[torch.Tensor]:
    """Return the plain images and their shifts, ``[N, 64]`` each."""
    shifted = [np.roll(images, shift, axis=(1, 2)) for shift in SHIFTS]
    return [torch.from_numpy(each.reshape(len(images), -1)).float() for each in shifted]


def signals(
    logits: torch.Tensor, labels: IntArray, masks: BoolArray
) -> tuple[Cohort, dict[str, FloatArray]]:
    """Return margins of all models, and what attacks read of the target alone."""
    models, records = masks.shape
    count = logits.shape[1]
    flat = logits.double().flatten(0, 2)
    repeated = torch.from_numpy(np.tile(labels, models * count))
    shape = (models, count, len(labels))
    phi = margin(flat, repeated).reshape(shape).numpy()
    others = {
        "mentr": modified_entropy(flat, repeated).reshape(shape).numpy()[:, :, :records],
        "entropy": entropy(flat).reshape(shape).numpy()[:, :, :records],
    }
    cohort = Cohort({"phi": phi[:, :, :records]}, masks, {"phi": phi[:, :, records:]})
    return cohort, others


def print_usage(cohort: Cohort) -> None:
    """Estimate how much of sets of 600 records every second model was trained on."""
    phi, masks = cohort.signals["phi"][:, 0], cohort.members
    random = np.random.default_rng(0)
    print("attack, references, used: bias, sd, intervals that hold, mean width")
    for attack, references, used in product(
        ("rmia", "lira_shrunk", "mast"), (4, 16), (0.1, 0.5, 0.9)
    ):
        errors, holds, widths = [], [], []
        for target in range(0, len(masks), 2):
            count = int(used * USAGE_RECORDS)
            inside, outside = np.flatnonzero(masks[target]), np.flatnonzero(~masks[target])
            rows = np.append(
                random.choice(inside, count, replace=False),
                random.choice(outside, USAGE_RECORDS - count, replace=False),
            )
            others = random.choice(
                np.delete(np.arange(len(masks)), target), references, replace=False
            )
            usage = usage_proportion(
                phi[target, rows],
                signals=phi[others][:, rows],
                members=masks[others][:, rows],
                attack=attack,
            ).raw
            errors.append(usage.value - used)
            holds.append(usage.low <= used <= usage.high)
            widths.append(usage.high - usage.low)
        print(
            f"{attack}, {references}, {used}: {np.mean(errors):.3f}, {np.std(errors):.3f}, "
            f"{sum(holds)} of {len(holds)}, {np.mean(widths):.2f}",
            flush=True,
        )


def percent(estimate: object) -> str:
    """Return a share in percent with its standard error."""
    if not isinstance(estimate, Estimate):
        return "–"
    error = (estimate.high - estimate.low) / (2 * 1.96)
    return f"{100 * estimate.value:.1f} ± {100 * error:.1f}"


if __name__ == "__main__":
    main()
