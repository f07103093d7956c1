"""The training loop: batches, views, loss, step; snapshots and exact resume.

Everything random is a function of (seed, epoch, example), so a run that was killed and resumed
ends with the same weights, bit for bit on the CPU, and so does one on any number of workers.

Under ``torchrun`` each process takes its share of every batch (``batch_size`` is global),
gradients are averaged, and objectives gather their embeddings across processes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from imprint import __version__
from imprint.core.arrays import IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import log, track
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard, for_channels
from imprint.nets.save import save_model
from imprint.train.batches import Batches, shared_batch_size
from imprint.train.collapse import collapse_news, has_collapsed, spreads
from imprint.train.distribute import distribute
from imprint.train.gather import all_sum, rank, world_size
from imprint.train.objective import Objective, build_objective
from imprint.train.online_probes import OnlineProbes
from imprint.train.optim import build_optimizer, learning_rate_factor, peak_learning_rate
from imprint.train.options import TrainOptions
from imprint.train.run_state import RunState

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FIGURES = ("epoch", "loss", "embedding_std", "direction_std", "collapsed")
"""What a card says of the epoch its weights are of."""


class LossModule(nn.Module):
    """Network and objective as one module, so that DDP sees one forward call."""

    def __init__(self, model: ImageModel, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(
        self, views: Sequence[torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return loss and embeddings."""
        loss: tuple[torch.Tensor, torch.Tensor] = self.objective(self.model, views, labels)
        return loss


def train(
    images: ImageSet,
    indices: IntArray,
    options: TrainOptions,
    out: Path,
    seed: int,
    device: torch.device,
    name: str = "network",
    held_out: IntArray | None = None,
    on_epoch_end: Callable[[ImageModel, int], Mapping[str, Any]] | None = None,
) -> Path:
    """Train one network on some images of a set.

    Args:
        images: where pixels and labels come from.
        indices: int64 ``[n]``, the images to train on.
        options: architecture, objective, schedule, augmentation.
        out: folder; gets ``final.safetensors``, ``epoch_NNNN.safetensors`` of each snapshot and
            ``teacher.safetensors``, where the objective has one, with their cards, and
            ``log.jsonl``. When it holds an unfinished run, that run goes on.
        seed: of initialisation, order and augmentation.
        device: where to train.
        name: what progress calls the network.
        held_out: int64 ``[m]``, images that online probes are measured on, where they are on.
        on_epoch_end: called after every epoch with the model and the number of epochs done; what
            it returns joins the epoch's line of the log. It must not change the weights.

    Returns:
        Path of ``final.safetensors``.

    Raises:
        ImprintError: less than two images, or two a process; a loss that is not finite; or
            options that do not fit together.
    """
    if len(indices) < 2:
        raise ImprintError(f"cannot train {name} on {len(indices)} image(s): give at least two")
    card = make_card(images, options, seed, indices)
    batch_size = shared_batch_size(options.batch_size, len(indices))
    run = _start(card, options, batch_size, seed, device)
    views = run.objective.augmentations(options.first_view, options.second_view)
    if rank() == 0 and (
        settings := {key for view in views for key in view.left_out(card.channels)}
    ):
        log(
            f"train {name}: images of {card.channels} channel(s) have no colour, so "
            f"{', '.join(sorted(settings))} of the augmentation leave them as they are"
        )
    resume = out / "resume.pt"
    if resume.exists():
        run.load(resume)
    step = distribute(LossModule(run.model, run.objective), device)
    batches = Batches(
        images,
        indices,
        views=views,
        batch_size=batch_size,
        size=options.input_size,
        seed=seed,
        device=device,
    )
    epochs = range(run.epoch, options.last_epoch)
    for epoch in track(epochs, f"train {name}", len(epochs), "epoch") if rank() == 0 else epochs:
        line = _train_epoch(run, step, batches, options, epoch, name, resume)
        if run.probes is not None:
            line["probes"] = _probe(run, run.probes, images, held_out, options)
        if on_epoch_end is not None and rank() == 0:
            line |= on_epoch_end(run.model, epoch + 1)
        run.log.append(line)
        if rank() == 0 and (
            news := collapse_news(run.log, options.last_epoch, run.objective, name)
        ):
            log(news)
        if rank() == 0:
            _write_epoch(run, options, out, card)
    if rank() == 0:
        _write_end(run, out, card)
    return out / "final.safetensors"


def make_card(
    images: ImageSet, options: TrainOptions, seed: int, indices: IntArray | None = None
) -> ModelCard:
    """Return the card of a network that is to be trained with these options.

    Its ``training`` says on which images (``data``: the fingerprint of the set, ``images``:
    :func:`hash_of_images` of the indices), how, and with which versions.
    """
    return ModelCard(
        architecture=options.architecture,
        options=dict(options.architecture_options),
        channels=images.channels,
        outputs=len(images.classes),
        input_size=options.input_size,
        mean=for_channels(options.mean, images.channels),
        std=for_channels(options.std, images.channels),
        projector=options.projector,
        training={
            "objective": options.objective,
            "epochs": options.epochs,
            "seed": seed,
            "precision": options.precision,
            "data": images.fingerprint(),
            "images": None if indices is None else hash_of_images(indices),
            "versions": {"imprint": __version__, "torch": str(torch.__version__)},
        },
    )


def hash_of_images(indices: IntArray) -> str:
    """Return a hash of a set of image indices, whatever their order."""
    # Of the bytes alone, as on the cards of networks that were trained before.
    return hashlib.sha256(np.sort(indices).astype(np.int64).tobytes()).hexdigest()


def _reached(card: ModelCard, run: RunState) -> ModelCard:
    """Return the card with the epoch a checkpoint is of, and the figures it reached."""
    line = run.log[-1]
    figures = {name: line[name] for name in FIGURES}
    return dataclasses.replace(card, training={**card.training, **figures})


def _start(
    card: ModelCard, options: TrainOptions, batch_size: int, seed: int, device: torch.device
) -> RunState:
    model = initial_model(card, seed).place(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initial objective"))
        objective = build_objective(options.objective, model, dict(options.objective_options))
    objective.to(device)
    _check_resolution(model, options)
    optimizer = build_optimizer(nn.ModuleList([model, objective]), options, batch_size)
    scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16")
    probes = None
    if options.online_probes.on:
        assert card.outputs is not None
        probes = OnlineProbes(model.depths, card.outputs, options.online_probes, seed).to(device)
    return RunState(model, objective, optimizer, scaler, probes)


def _check_resolution(model: ImageModel, options: TrainOptions) -> None:
    sizes = options.resolution.sizes(options.input_size)
    if not model.network.any_size and set(sizes) != {options.input_size}:
        raise ImprintError(
            f"{options.architecture} takes images of {options.input_size} × {options.input_size} "
            "pixels only: leave out the resolution ramp"
        )


def _train_epoch(
    run: RunState,
    step: nn.Module,
    batches: Batches,
    options: TrainOptions,
    epoch: int,
    name: str,
    resume: Path,
) -> dict[str, Any]:
    """Train one epoch, or the rest of it; return its line of the log."""
    step.train()
    device_type = next(step.parameters()).device.type
    steps = options.epochs * batches.per_epoch
    warmup_steps = round(options.rising_epochs * batches.per_epoch)
    peak = peak_learning_rate(options, batches.batch_size)
    size = options.resolution.at(epoch, options.input_size)
    done = epoch * batches.per_epoch
    drawn = batches.epoch(epoch, run.objective.view_sizes(size), run.steps)
    for position, (views, labels) in enumerate(drawn, start=done + run.steps):
        factor = learning_rate_factor(position, steps, warmup_steps, options.end_ratio)
        for group in run.optimizer.param_groups:
            group["lr"] = peak * factor
        run.objective.before_step(position / steps)
        autocast = torch.autocast(
            device_type, PRECISIONS[options.precision], enabled=options.precision != "float32"
        )
        with autocast, _watched(run) as depths:
            loss, embeddings = step(views, labels)
        run.optimizer.zero_grad(set_to_none=True)
        run.scaler.scale(loss).backward()
        run.scaler.step(run.optimizer)
        run.scaler.update()
        run.objective.after_step(run.model, (position + 1) / steps)
        if run.probes is not None:
            run.probes.learn(depths, labels)
        run.losses.append(loss.detach())
        run.deviations.append(spreads(embeddings.detach()))
        is_due = options.resume_steps and (position + 1) % options.resume_steps == 0
        if is_due and run.steps < batches.per_epoch:
            run.save(resume)
    mean_loss = float(all_sum(torch.stack(run.losses).mean()) / world_size())
    if not np.isfinite(mean_loss):
        raise ImprintError(
            f"the loss of {name} is {mean_loss} in epoch {epoch + 1}: "
            "lower the learning rate or train in float32"
        )
    embedding_std, direction_std = torch.stack(run.deviations).mean(dim=0).tolist()
    run.losses, run.deviations = [], []
    line = {
        "epoch": epoch + 1,
        "loss": mean_loss,
        "embedding_std": embedding_std,
        "direction_std": direction_std,
        "learning_rate": run.optimizer.param_groups[0]["lr"],
    }
    return line | {"collapsed": has_collapsed(run.objective, line)}


def _watched(run: RunState) -> AbstractContextManager[dict[str, torch.Tensor]]:
    return nullcontext({}) if run.probes is None else run.model.watched()


def _probe(
    run: RunState,
    probes: OnlineProbes,
    images: ImageSet,
    held_out: IntArray | None,
    options: TrainOptions,
) -> dict[str, dict[str, float]]:
    """Return what the online probes reached in the epoch that was just trained."""
    accuracies = probes.reached()
    done = run.epoch + 1
    due = done % options.online_probes.validate_every == 0 or done == options.last_epoch
    if due and held_out is not None and len(held_out):
        for depth, shares in probes.validate(run.model, images, held_out).items():
            accuracies[depth] |= shares
    return accuracies


def _write_epoch(run: RunState, options: TrainOptions, out: Path, card: ModelCard) -> None:
    """Write what an epoch leaves: maybe a snapshot, maybe a resume point, and the log with it."""
    last = run.epoch == options.last_epoch
    if options.snapshot_every and run.epoch % options.snapshot_every == 0 and not last:
        save_model(out / f"epoch_{run.epoch:04d}.safetensors", run.model, _reached(card, run))
    if last or run.epoch % options.resume_every == 0:
        with replacing(out / "log.jsonl") as temporary:
            temporary.write_text(
                "".join(json.dumps(line) + "\n" for line in run.log), encoding="utf-8"
            )
    if run.epoch % options.resume_every == 0 and not last:
        run.save(out / "resume.pt")


def _write_end(run: RunState, out: Path, card: ModelCard) -> None:
    """Write the last weights, and the teacher's where there is one; drop the resume point."""
    reached = _reached(card, run)
    if run.objective.teacher is not None:
        save_model(out / "teacher.safetensors", run.objective.teacher, reached)
    save_model(out / "final.safetensors", run.model, reached)
    (out / "resume.pt").unlink(missing_ok=True)
