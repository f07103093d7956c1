"""Top-k neuron patterns: distinct orders of the most active neurons (Ma et al. 2018).

The pattern of an input is the list of the k most active neurons of every layer, the most active
first; of equal activations, the first neuron comes first. The value is the number of distinct
patterns.

State: 16 bytes a pattern, two sums of the neurons weighted by random 64-bit numbers, modulo 2⁶⁴.
Two patterns of a million share their hash with probability below 10⁻¹⁵.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.criterion.ranking import most_active
from imprint.neurons.activations import Batch, Layers


@dataclass(frozen=True)
class PatternOptions:
    """Settings of top-k neuron patterns."""

    k: int = 10
    """How many neurons of each layer make up the pattern."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ImprintError(f"tknp.k is {self.k}: a pattern needs at least one neuron")


@CRITERIA.register("tknp")
class TopNeuronPatterns(Criterion):
    """Number of distinct orders of the most active neurons."""

    Options = PatternOptions
    options: PatternOptions
    interval = "counts"

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        places = sum(min(width, self.options.k) for width in layers.widths)
        draw = generator(0, "pattern weights")
        self._weights = draw.integers(0, 2**64, (places, 2), dtype=np.uint64)
        self.reset()

    def reset(self) -> None:
        """See nothing yet."""
        self.patterns: set[bytes] = set()

    def add(self, batch: Batch) -> None:
        """Note the patterns of the batch."""
        self.patterns.update(self._hashes(batch))

    def gain(self, batch: Batch) -> Tensor:
        """Return 1 for each input whose pattern was not seen, float64 ``[b]``."""
        new = [pattern not in self.patterns for pattern in self._hashes(batch)]
        return torch.tensor(new, dtype=torch.float64, device=batch.values.device)

    def marks(self, batch: Batch) -> Tensor:
        """Return one half of the hash of each input's pattern, int64 ``[b, 1]``."""
        return torch.from_numpy(self._numbers(batch)[:, :1].view(np.int64).copy())

    def _hashes(self, batch: Batch) -> list[bytes]:
        """Return the 16-byte hash of each input's pattern."""
        hashes = np.ascontiguousarray(self._numbers(batch))
        found: list[bytes] = hashes.view("V16").ravel().tolist()
        return found

    def _numbers(self, batch: Batch) -> NDArray[np.uint64]:
        """Return the hash of each input's pattern as numbers, uint64 ``[b, 2]``."""
        pattern = torch.cat(most_active(batch, self.options.k), dim=1).cpu().numpy()
        hashes: NDArray[np.uint64] = (pattern + 1).astype(np.uint64) @ self._weights
        return hashes

    def join(self, other: TopNeuronPatterns) -> None:
        """Note the patterns that either saw."""
        self.patterns = self.patterns | other.patterns

    def value(self) -> float:
        """Return the number of distinct patterns."""
        return float(len(self.patterns))

    def ceiling(self, inputs: int) -> float:
        """Return the number of inputs, or of all orders there are, if fewer."""
        orders = 1
        for width in self.layers.widths:
            for place in range(min(width, self.options.k)):
                orders *= width - place
                if orders >= inputs:
                    return float(inputs)
        return float(orders)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the hashes, int64 ``[m, 2]``, and how many inputs were seen."""
        hashes = np.frombuffer(b"".join(sorted(self.patterns)), dtype=np.int64).reshape(-1, 2)
        return {"hashes": torch.tensor(hashes), "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        hashes = np.ascontiguousarray(state["hashes"].cpu().numpy())
        self.patterns = set(hashes.view("V16").ravel().tolist())
        self.inputs = int(state["inputs"])
