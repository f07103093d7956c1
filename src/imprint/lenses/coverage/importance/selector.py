"""A trained selector of attributions: which one to use, from the features of an input.

A perceptron takes the pooled features of an input, scaled to [0, 1] by the range of the training
inputs, and a one-hot of the layer; its classes are the methods, its labels the
methods of the largest loss gain. (Torch4DeepImportance: hidden layers 256-64-32, cross-entropy,
Adam at 5·10⁻⁵, 20 epochs.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.nets.checkpoint import read_weights, write_weights
from imprint.study.json_io import read_json, write_json

Features = NDArray[np.float32]


@dataclass(frozen=True)
class SelectorOptions:
    """How a selector is trained."""

    widths: tuple[int, ...] = (256, 64, 32)
    """Of the hidden layers."""
    epochs: int = 20
    """Passes over the inputs."""
    learning_rate: float = 1e-3
    """Of Adam; published 5e-5."""
    batch_size: int = 64
    """Inputs a step."""
    seed: int = 0
    """Of weights and order."""

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1 or self.epochs < 1 or self.batch_size < 1:
            raise ImprintError(
                "a selector takes hidden layers of at least 1 unit, 1 epoch and batches of 1 or "
                f"more, got {self.widths}, {self.epochs} and {self.batch_size}"
            )
        if not self.learning_rate > 0:
            raise ImprintError(f"selector learning_rate is {self.learning_rate:g}: above 0")


class Selector:
    """Which attribution is worth most for an input.

    Args:
        methods: that it chooses from.
        scopes: layers that it selects for, or the one ``model``.
        options: of its training.

    Attributes:
        trained_on: fingerprint of the network whose features it learned from; None if not stated.
    """

    def __init__(
        self,
        methods: Sequence[str],
        scopes: Sequence[str],
        options: SelectorOptions | None = None,
    ) -> None:
        if len(set(methods)) < 2 or not scopes:
            raise ImprintError("a selector needs two methods or more to choose from, and a scope")
        self.methods = tuple(methods)
        self.scopes = tuple(scopes)
        self.options = options or SelectorOptions()
        self.trained_on: str | None = None
        self.low = torch.zeros(0)
        self.high = torch.zeros(0)
        self.network: nn.Sequential | None = None

    def fit(self, features: Features, best: IntArray) -> Self:
        """Learn from inputs and return itself.

        Args:
            features: float32 ``[n, d]``, pooled features of the network.
            best: int64 ``[n, scopes]``, the method of the largest gain.

        Raises:
            ImprintError: shapes or methods that do not fit, or features that are not finite.
        """
        if best.shape != (len(features), len(self.scopes)) or not len(features):
            raise ImprintError(
                f"a selector of {len(self.scopes)} scopes needs a best method for each of "
                f"{len(features)} inputs and scope, got shape {list(best.shape)}"
            )
        if best.min() < 0 or best.max() >= len(self.methods):
            raise ImprintError(f"best methods must number the {len(self.methods)} methods from 0")
        if not np.isfinite(features).all():
            raise ImprintError("features are not finite: check the network's weights")
        values = torch.from_numpy(np.asarray(features, dtype=np.float32))
        self.low, self.high = values.amin(0), values.amax(0)
        inputs, labels = self._inputs(values), torch.from_numpy(best.T.copy()).flatten()
        self.network = self._build(features.shape[1])
        optimizer = torch.optim.Adam(self.network.parameters(), self.options.learning_rate)
        size = self.options.batch_size
        for epoch in range(self.options.epochs):
            random = generator(self.options.seed, "selector order", epoch)
            order = torch.from_numpy(random.permutation(len(inputs)))
            for rows in torch.split(order, size):
                optimizer.zero_grad(set_to_none=True)
                loss = nn.functional.cross_entropy(self.network(inputs[rows]), labels[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        self.network.eval()
        return self

    @torch.no_grad()
    def predict(self, features: Features) -> IntArray:
        """Return the selected method, int64 ``[n, scopes]``.

        Args:
            features: float32 ``[n, d]``.

        Raises:
            ImprintError: it was not trained, or on other features.
        """
        if self.network is None:
            raise ImprintError("the selector is not trained: fit it first")
        if features.ndim != 2 or features.shape[1] != len(self.low):
            raise ImprintError(
                f"the selector was trained on {len(self.low)} features, got shape "
                f"{list(features.shape)}"
            )
        values = torch.from_numpy(np.asarray(features, dtype=np.float32))
        chosen = self.network(self._inputs(values)).argmax(1)
        return np.asarray(chosen.view(len(self.scopes), -1).T.numpy(), dtype=np.int64)

    def save(self, path: Path) -> None:
        """Write weights to ``path``, ``NAME.safetensors``, and the rest to ``NAME.json``.

        Raises:
            ImprintError: it was not trained, another suffix, or a folder that cannot be written.
        """
        if self.network is None:
            raise ImprintError("the selector is not trained: fit it first")
        if path.suffix != ".safetensors":
            raise ImprintError(f"weights are written as NAME.safetensors, not as {path.name}")
        write_json(
            path.with_suffix(".json"),
            {
                "methods": list(self.methods),
                "scopes": list(self.scopes),
                "network": self.trained_on,
                "options": {**asdict(self.options), "widths": list(self.options.widths)},
            },
        )
        weights = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        write_weights(path, {**weights, "low": self.low, "high": self.high})

    @classmethod
    def load(cls, path: Path) -> Selector:
        """Return the selector that :meth:`save` wrote.

        Raises:
            ImprintError: a file is missing or damaged, or the two do not fit.
        """
        weights = read_weights(path)
        try:
            card = read_json(path.with_suffix(".json"))
            options = dict(card["options"])
            options["widths"] = tuple(options["widths"])
            selector = cls(card["methods"], card["scopes"], SelectorOptions(**options))
            selector.trained_on = card.get("network")
            selector.low, selector.high = weights.pop("low"), weights.pop("high")
            selector._require_shapes(weights)
            selector.network = selector._build(len(selector.low)).eval()
            selector.network.load_state_dict(
                {name.removeprefix("network."): value for name, value in weights.items()}
            )
        except Exception as error:  # cards and tensors of any kind raise nearly anything
            raise ImprintError(
                f"{path} does not hold a selector of methods ({type(error).__name__}: {error}): "
                "train one with imprint coverage wisdom --selector"
            ) from error
        return selector

    def _require_shapes(self, weights: Mapping[str, Tensor]) -> None:
        """Refuse weights of other shapes before a network of the stated ones is made.

        Raises:
            ValueError: a shape that does not fit.
        """
        if self.low.ndim != 1 or self.low.shape != self.high.shape:
            raise ValueError("ranges of features do not fit one another")
        ends = (*self._widths(len(self.low)), len(self.methods))
        wanted = {
            f"network.{2 * row}.weight": (after, before)
            for row, (before, after) in enumerate(pairwise(ends))
        }
        for name, shape in wanted.items():
            if tuple(weights[name].shape) != shape:
                raise ValueError(f"{name} is {list(weights[name].shape)}, not {list(shape)}")

    def _widths(self, features: int) -> tuple[int, ...]:
        return (features + len(self.scopes), *self.options.widths)

    def _inputs(self, values: Tensor) -> Tensor:
        """Return scaled features beside the one-hot of each scope, ``[scopes · n, d + scopes]``."""
        spread = self.high - self.low
        scaled = (values - self.low) / torch.where(spread > 0, spread, 1.0)
        hot = torch.eye(len(self.scopes))
        return torch.cat([torch.cat([scaled, row.expand(len(values), -1)], dim=1) for row in hot])

    def _build(self, width: int) -> nn.Sequential:
        widths = self._widths(width)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self.options.seed, "selector weights"))
            hidden: list[nn.Module] = []
            for before, after in pairwise(widths):
                hidden += [nn.Linear(before, after), nn.ReLU()]
            return nn.Sequential(*hidden, nn.Linear(widths[-1], len(self.methods)))
