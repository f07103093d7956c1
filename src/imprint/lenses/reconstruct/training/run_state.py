"""The state of one training run, and its file."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imprint.core.durable import replacing
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.train.state_file import take_state, write_state


@dataclass(frozen=True)
class LogLine:
    """What a stretch of training reached: the mean loss since the line before."""

    step: int
    loss: float
    learning_rate: float


@dataclass
class RunState:
    """What a resume needs, and nothing else.

    Attributes:
        network: that is trained.
        average: with the moving average of its weights, which samples are drawn with.
        step: steps done.
        log: its lines so far.
        losses: of the steps since the last line, on the device.
    """

    network: ConditionalUNet
    average: ConditionalUNet
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    log: list[LogLine] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def average_weights(self, decay: float) -> None:
        """Move the average towards the weights; at first faster, as there is little to average."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), 1 - decay
        )

    def write_log(self, path: Path) -> None:
        """Write the log, one JSON object a line."""
        with replacing(path) as temporary:
            lines = (json.dumps(dataclasses.asdict(line)) + "\n" for line in self.log)
            temporary.write_text("".join(lines), encoding="utf-8")

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        state = {
            "step": self.step,
            "log": [dataclasses.asdict(line) for line in self.log],
            "losses": [loss.cpu() for loss in self.losses],
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        write_state(path, state)

    def load(self, path: Path, steps: int) -> None:
        """Take the state of a file written by :meth:`save`, of a training of so many steps.

        Raises:
            ImprintError: the file is damaged, or of another training.
        """

        def take(state: Any) -> None:
            self._take(state)
            if not 0 < self.step < steps:
                raise ValueError(f"step {self.step} of {steps}")

        take_state(path, take)

    def _take(self, state: Any) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.log = [LogLine(**line) for line in state["log"]]
        self.losses = [loss.to(self.network.empty.device) for loss in state["losses"]]
        self.step = int(state["step"])
