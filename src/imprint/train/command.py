"""``imprint train``: one network as a study of one step, in one process or under ``torchrun``."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from imprint.core.arrays import IntArray
from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.reading.regular import read_text
from imprint.study.counted import uncounted
from imprint.study.step import Step, card_of
from imprint.study.store import Study
from imprint.train.gather import rank, world_size
from imprint.train.loop import train
from imprint.train.options import TrainOptions


@dataclass(frozen=True, eq=False)
class NetworkStep(Step):
    """One network: its weights, snapshots, cards and log, in ``network/``.

    Attributes:
        data: where pixels and labels come from.
        indices: int64 ``[n]``, the images to train on.
        train: options of training.
        seed: of everything random.
        held_out: int64 ``[m]``, images that online probes are measured on; None without probes.
        device: where to train.
    """

    data: ImageSet
    indices: IntArray
    train: TrainOptions
    seed: int
    held_out: IntArray | None
    device: torch.device = uncounted()

    artefact = "network"
    resumable = True

    def build(self, path: Path) -> None:
        """Train the network."""
        seed, name = derive(self.seed, self.artefact), self.artefact
        train(self.data, self.indices, self.train, path, seed, self.device, name, self.held_out)


@dataclass(frozen=True)
class TrainedNetwork:
    """The path of a network's last weights, and the last line of its log."""

    weights: str
    last_epoch: Mapping[str, object]


def train_network(
    study: Study,
    images: ImageSet,
    indices: IntArray,
    options: TrainOptions,
    seed: int,
    device: torch.device,
    held_out: IntArray | None = None,
) -> TrainedNetwork | None:
    """Train one network into ``network/`` of a study, unless it is done.

    Args:
        study: the folder.
        images: where pixels and labels come from.
        indices: int64 ``[n]``, the images to train on.
        options: of training.
        seed: of everything random.
        device: where to train; under ``torchrun`` each process takes its own GPU.
        held_out: int64 ``[m]``, images that online probes are measured on, where they are on.

    Returns:
        None in all processes of ``torchrun`` but the first.
    """
    probed = held_out if options.online_probes.on else None
    step = NetworkStep(images, indices, options, seed, probed, device)
    with process_group(device), study.locked() if rank() == 0 else nullcontext():
        card = card_of(step)
        done = study.is_done(step.artefact, card)
        if rank() > 0:
            if not done:
                step.build(study.unfinished(step.artefact, card))
            return None
        folder = study.run(step)
    lines = read_text(folder / "log.jsonl").splitlines()
    log(f"weights: {folder / 'final.safetensors'}")
    return TrainedNetwork(str(folder / "final.safetensors"), json.loads(lines[-1]))


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the processes that ``torchrun`` started, unless joined; do nothing with one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or world_size() > 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
        # Nobody leaves before all are done: torchrun ends the others when one process fails at
        # its exit, and the first one writes last.
        dist.barrier()
    finally:
        # What still holds the group would end its threads as the interpreter ends, too late.
        gc.collect()
        dist.destroy_process_group()
