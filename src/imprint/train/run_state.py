"""The state of one training run, and its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from imprint.nets.image_model import ImageModel
from imprint.train.gather import gather, own_share, rank
from imprint.train.objective import Objective
from imprint.train.online_probes import OnlineProbes
from imprint.train.state_file import take_state, write_state


@dataclass
class RunState:
    """What a resume needs, and nothing else."""

    model: ImageModel
    objective: Objective
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    probes: OnlineProbes | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    losses: list[torch.Tensor] = field(default_factory=list)
    """Of each step of an unfinished epoch."""
    deviations: list[torch.Tensor] = field(default_factory=list)
    """Of each step of an unfinished epoch: spreads of its embeddings, ``[2]``."""

    @property
    def epoch(self) -> int:
        """Epochs done: one line of the log each."""
        return len(self.log)

    @property
    def steps(self) -> int:
        """Steps done of an unfinished epoch."""
        return len(self.losses)

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all; within an epoch every process takes part."""
        state = {
            "log": self.log,
            "subject": self.model.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        if self.probes is not None:
            state["probes"] = self.probes.state_dict()
            state["probe optimizer"] = self.probes.optimizer.state_dict()
        if self.losses:
            state["losses"] = gather(torch.stack(self.losses)[None])
            state["deviations"] = gather(torch.stack(self.deviations)[None])
            state["probe sums"] = {} if self.probes is None else self.probes.sums()
        if rank() == 0:
            write_state(path, state)

    def load(self, path: Path) -> None:
        """Take the state of a file written by :meth:`save`.

        Raises:
            ImprintError: the file is damaged, or of another training.
        """
        take_state(path, self._take)

    def _take(self, state: Any) -> None:
        self.model.load_state_dict(state["subject"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.probes is not None:
            self.probes.load_state_dict(state["probes"])
            self.probes.optimizer.load_state_dict(state["probe optimizer"])
        log = state["log"]
        if not isinstance(log, list) or not all(isinstance(line, dict) for line in log):
            raise TypeError("the log is no list of lines")
        self.log = log
        if "losses" in state:
            device = next(self.model.parameters()).device
            losses, deviations = (own_share(state[name]) for name in ("losses", "deviations"))
            if losses.ndim != 1 or deviations.shape != (len(losses), 2):
                raise ValueError("the steps have other shapes")
            self.losses = list(losses.to(device))
            self.deviations = list(deviations.to(device))
            if self.probes is not None:
                self.probes.take_sums(state["probe sums"])
