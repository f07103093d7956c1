"""Linear probes of every depth that learn along with the network.

They take the representations of the first view that the objective's own pass made, detached: no
second pass, and no batch statistics counted twice. The network does not notice them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from imprint.core.arrays import IntArray
from imprint.core.seeds import derive
from imprint.data.files import stream
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.nets.image_model import ImageModel
from imprint.train.gather import gather, own_share, rank, world_size
from imprint.train.probe_options import OnlineProbeOptions

VALIDATION_BATCH = 256
TOP = 5


class OnlineProbes(nn.Module):
    """One linear classifier a depth, all trained by one AdamW.

    Args:
        depths: width of the representation at each depth.
        classes: how many there are.
        options: of the probes.
        seed: of their first weights.

    Attributes:
        optimizer: its state belongs to the probes'.
    """

    def __init__(
        self, depths: Mapping[str, int], classes: int, options: OnlineProbeOptions, seed: int
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(seed, "online probes"))
            self.layers = nn.ModuleDict(
                {name: nn.Linear(width, classes) for name, width in depths.items()}
            )
        self.optimizer = torch.optim.AdamW(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        self._sums: dict[str, torch.Tensor] = {}
        self._seen = 0

    def learn(self, depths: Mapping[str, torch.Tensor], labels: torch.Tensor) -> None:
        """Take one step.

        Args:
            depths: ``[b or more, width]`` each; the first b rows are the first view's.
            labels: int64 ``[b]``.
        """
        losses = {}
        for name, layer in self.layers.items():
            logits = layer(depths[name][: len(labels)].float())
            losses[name] = F.cross_entropy(logits, labels)
            hits = _hits(logits, labels)
            self._add(name, torch.cat([losses[name].detach()[None] * len(labels), hits]))
        self._seen += len(labels)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(list(losses.values()))
        for parameter in self.parameters():
            _average(parameter.grad)
        self.optimizer.step()

    def reached(self) -> dict[str, dict[str, float]]:
        """Return loss, top-1 and top-5 of each depth since the last call, on what was learned."""
        figures = {}
        for name, sums in self._sums.items():
            loss, first, among = _total(sums).tolist()
            count = self._seen * world_size()
            figures[name] = {"loss": loss / count, "top1": first / count, "top5": among / count}
        self._sums, self._seen = {}, 0
        return figures

    def sums(self) -> dict[str, Any]:
        """Return what :meth:`reached` will divide, of every process: part of a run's state."""
        sums = {name: gather(values[None]) for name, values in self._sums.items()}
        return {"seen": self._seen * world_size(), "sums": sums}

    def take_sums(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`sums` returned.

        Raises:
            ValueError: it is of other depths, or of shapes that no sums have.
        """
        device = next(self.parameters()).device
        shapes = {values.shape[1:] for values in state["sums"].values()}
        if state["sums"].keys() != self.layers.keys() or shapes != {(3,)} or int(state["seen"]) < 1:
            raise ValueError("the sums of the probes have other names or shapes")
        self._seen = int(state["seen"]) // world_size()
        processes = {name: len(values) / world_size() for name, values in state["sums"].items()}
        self._sums = {
            name: (own_share(values) * processes[name]).to(device)
            for name, values in state["sums"].items()
        }

    @torch.inference_mode()
    def validate(
        self, model: ImageModel, images: ImageSet, indices: IntArray
    ) -> dict[str, dict[str, float]]:
        """Return ``held_out_top1`` and ``held_out_top5`` of each depth on centre squares.

        The network is in evaluation mode.

        Args:
            model: the network as it is now; left in evaluation mode.
            images: where pixels and labels come from.
            indices: int64 ``[m]``; processes share them.
        """
        model.eval()
        device = next(self.parameters()).device
        mine = indices[rank() :: world_size()]
        hits = {name: torch.zeros(2, device=device) for name in self.layers}
        squares = centre_squares(whole_rectangles(images.sizes()[mine]))
        batches = stream(images, mine, squares, model.input_size, VALIDATION_BATCH)
        start = 0
        for pixels in batches:
            inputs = torch.from_numpy(pixels).to(device).float().div_(255)
            labels = torch.from_numpy(images.labels[mine[start : start + len(pixels)]]).to(device)
            depths = model.embed_depths(inputs)
            for name, layer in self.layers.items():
                hits[name] += _hits(layer(depths[name].float()), labels)
            start += len(pixels)
        totals = {name: _total(count).tolist() for name, count in hits.items()}
        return {
            name: {"held_out_top1": first / len(indices), "held_out_top5": among / len(indices)}
            for name, (first, among) in totals.items()
        }

    def _add(self, name: str, values: torch.Tensor) -> None:
        self._sums[name] = self._sums[name] + values if name in self._sums else values


def _hits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return how many labels are the likeliest class, and among the five likeliest, ``[2]``."""
    best = logits.topk(min(TOP, logits.shape[1]), dim=1).indices == labels[:, None]
    return torch.stack([best[:, 0].sum(), best.any(dim=1).sum()])


def _average(gradient: torch.Tensor | None) -> None:
    if gradient is not None and world_size() > 1:
        dist.all_reduce(gradient)
        gradient.div_(world_size())


def _total(values: torch.Tensor) -> torch.Tensor:
    if world_size() > 1:
        values = values.clone()
        dist.all_reduce(values)
    return values
