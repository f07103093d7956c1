"""The training loop: steps, the moving average of the weights, exact resume.

Which images a step sees, at which noise, is a function of (seed, step), so a run that was killed
and resumed ends with the same bytes on the CPU. Under ``torchrun`` each process takes its share of
every batch; gradients are averaged.
"""

from __future__ import annotations

import math
from contextlib import closing, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.lenses.reconstruct.diffusion.noise import Noise
from imprint.lenses.reconstruct.options import ReconstructionTraining
from imprint.lenses.reconstruct.training.batches import Batches, TrainingSet
from imprint.lenses.reconstruct.training.run_file import RunCard, is_finite, save_network
from imprint.lenses.reconstruct.training.run_state import LogLine, RunState
from imprint.train.distribute import distribute
from imprint.train.gather import all_sum, rank, world_size
from imprint.train.loop import PRECISIONS

FINAL = "final.safetensors"
RESUME = "resume.pt"
LOG_EVERY = 50
"""Steps of one line of the log; also how often the loss is looked at."""


class LossModule(nn.Module):
    """Network and noise as one module, so that DDP sees one forward call."""

    def __init__(self, network: ConditionalUNet, noise: Noise) -> None:
        super().__init__()
        self.network = network
        self._noise = noise

    def forward(
        self,
        images: Tensor,
        steps: Tensor,
        representations: Tensor,
        dropped: Tensor,
        noise: Tensor,
    ) -> Tensor:
        """Return the mean loss of a batch."""
        noisy = self._noise.add(images, steps, noise)
        predicted = self.network(noisy, steps, representations, dropped)
        return self._noise.loss(predicted, images, steps, noise).mean()


def train(
    images: TrainingSet,
    card: RunCard,
    options: ReconstructionTraining,
    out: Path,
    seed: int,
    device: torch.device,
    name: str = "diffusion model",
) -> Path:
    """Train a diffusion model on images and their representations.

    Args:
        images: what to train on.
        card: what its file will say of it.
        options: network, noise, schedule.
        out: folder; gets ``final.safetensors``, ``step_NNNNNNN.safetensors`` of each snapshot,
            their cards, and ``log.jsonl``. When it holds an unfinished run, that run goes on.
        seed: of initialisation, order and noise.
        device: where to train.
        name: what progress calls it.

    Returns:
        Path of ``final.safetensors``, with averaged weights.

    Raises:
        ImprintError: a loss or weights that are not finite (what was kept last stays), or a batch
            that the processes cannot share evenly.
    """
    share, rest = divmod(options.batch_size, world_size() * options.accumulate)
    if rest or not share:
        raise ImprintError(
            f"batches of {options.batch_size} images cannot be shared by {world_size()} processes "
            f"in {options.accumulate} part(s) each: choose a multiple of "
            f"{world_size() * options.accumulate}"
        )
    run = _start(card, images, options, seed, device)
    if (out / RESUME).exists():
        run.load(out / RESUME, options.steps)
    loss_module = distribute(
        LossModule(run.network, Noise.of(options.diffusion, device)), device, all_used=True
    )
    first = rank() == 0
    remaining = range(run.step, options.steps)
    steps = track(remaining, f"train {name}", len(remaining), "step") if first else remaining
    with closing(Batches(images, options, seed, device).parts_from(run.step)) as batches:
        for step in steps:
            rate = learning_rate(step, options)
            run.losses.append(_take_step(run, loss_module, next(batches), options, rate))
            run.step = step + 1
            _keep(run, card, options, rate, out, name)
    if not is_finite(run.average):
        raise ImprintError(
            f"the weights of the {name} are not finite after the last step: lower "
            "--train.learning-rate or train in float32"
        )
    if first:
        run.write_log(out / "log.jsonl")
        save_network(out / FINAL, run.average, card)
        (out / RESUME).unlink(missing_ok=True)
    return out / FINAL


def _keep(
    run: RunState,
    card: RunCard,
    options: ReconstructionTraining,
    rate: float,
    out: Path,
    name: str,
) -> None:
    """Log, snapshot and write what a resume needs, where the step is one for it.

    Raises:
        ImprintError: the loss is not finite.
    """
    last = run.step == options.steps
    resumes = run.step % options.resume_every == 0 and not last
    snapshot = options.snapshot_every and run.step % options.snapshot_every == 0 and not last
    logs = run.step % LOG_EVERY == 0 or last
    if logs or resumes or snapshot:
        mean = _mean_loss(run, name, out)
        if logs:
            run.log.append(LogLine(step=run.step, loss=mean, learning_rate=rate))
            run.losses.clear()
    if rank() == 0 and snapshot:
        save_network(out / f"step_{run.step:07d}.safetensors", run.average, card)
    if rank() == 0 and resumes:
        run.save(out / RESUME)


def learning_rate(step: int, options: ReconstructionTraining) -> float:
    """Return the learning rate of a step: a linear rise, then constant or a cosine to zero.

    >>> options = ReconstructionTraining(steps=10, warmup_steps=2, learning_rate=1.0)
    >>> [round(learning_rate(step, options), 3) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.038]
    """
    rise = min(1.0, (step + 1) / options.warmup_steps) if options.warmup_steps else 1.0
    if not options.anneal or step < options.warmup_steps:
        return options.learning_rate * rise
    done = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _start(
    card: RunCard,
    images: TrainingSet,
    options: ReconstructionTraining,
    seed: int,
    device: torch.device,
) -> RunState:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initial weights"))
        network, average = card.build(), card.build()
    network.standardise(images.representations)
    average.load_state_dict(network.state_dict())
    if options.checkpoint_gradients:
        network.unet.enable_gradient_checkpointing()
    network.to(device).train()
    average.to(device).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16")
    return RunState(network, average, optimizer, scaler)


def _take_step(
    run: RunState,
    loss_module: nn.Module,
    parts: list[tuple[Tensor, ...]],
    options: ReconstructionTraining,
    rate: float,
) -> Tensor:
    """Take one optimiser step; return its loss, on the device."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=parts[0][0].device)
    autocast = torch.autocast(
        total.device.type, PRECISIONS[options.precision], enabled=options.precision != "float32"
    )
    for number, part in enumerate(parts, start=1):
        alone = world_size() == 1 or number == len(parts)
        with nullcontext() if alone else loss_module.no_sync():  # type: ignore[operator]  # of DDP
            with autocast:
                loss = loss_module(*part) / len(parts)
            run.scaler.scale(loss).backward()
        total += loss.detach()
    run.scaler.step(run.optimizer)
    run.scaler.update()
    run.average_weights(options.ema)
    return total


def _mean_loss(run: RunState, name: str, out: Path) -> float:
    """Return the mean loss since the last line of the log.

    Raises:
        ImprintError: it is not finite.
    """
    # All processes keep the mean over them: they resume from what the first one wrote.
    run.losses = list((all_sum(torch.stack(run.losses)) / world_size()).unbind())
    mean = float(torch.stack(run.losses).mean())
    if not math.isfinite(mean):
        kept = f"; the last good state is kept in {out / RESUME}" if (out / RESUME).exists() else ""
        raise ImprintError(
            f"the loss of the {name} is {mean} by step {run.step}: lower --train.learning-rate or "
            f"train in float32{kept}"
        )
    return mean
