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
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.marks import Distinct
from imprint.lenses.coverage.criterion.ranking import most_active
from imprint.neurons.activations import Batch, Layers

MAX_PUBLISHED_PATTERNS = 10_000


@dataclass(frozen=True)
class PatternOptions(Checked):
    """Settings of top-k neuron patterns."""

    k: Annotated[int, Bounds(least=1)] = 10
    """How many neurons of each layer make up the pattern."""


@criterion("tknp", "patterns of the most active neurons")
class TopNeuronPatterns(Distinct):
    """Number of distinct orders of the most active neurons."""

    Options = PatternOptions
    options: PatternOptions

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        length = sum(min(width, self.options.k) for width in layers.widths)
        draw = generator(0, "pattern weights")
        self._weights = draw.integers(0, 2**64, (length, 2), dtype=np.uint64)

    def keys(self, batch: Batch) -> list[bytes]:
        """Return the 16-byte hash of each input's pattern."""
        hashes = np.ascontiguousarray(self._hashes(batch))
        keys: list[bytes] = hashes.view("V16").ravel().tolist()
        return keys

    def marks(self, batch: Batch) -> Tensor:
        """Return one half of the hash of each input's pattern, int64 ``[b, 1]``."""
        return torch.from_numpy(self._hashes(batch)[:, :1].view(np.int64).copy())

    def _hashes(self, batch: Batch) -> NDArray[np.uint64]:
        """Return the hash of each input's pattern, uint64 ``[b, 2]``."""
        pattern = torch.cat(most_active(batch, self.options.k), dim=1).cpu().numpy()
        hashes: NDArray[np.uint64] = (pattern + 1).astype(np.uint64) @ self._weights
        return hashes

    def ceiling(self, inputs: int) -> float:
        """Return the number of inputs, or of all orders there are, if fewer."""
        orders = 1
        for width in self.layers.widths:
            for place in range(min(width, self.options.k)):
                orders *= width - place
                if orders >= inputs:
                    return float(inputs)
        return float(orders)

    def published_ratio(self, value: float, inputs: int) -> float:
        """Return the patterns over the inputs, or over 10,000 if fewer."""
        return super().published_ratio(value / max(1, min(inputs, MAX_PUBLISHED_PATTERNS)), inputs)

    def tensors(self) -> dict[str, Tensor]:
        """Return the hashes, int64 ``[m, 2]``."""
        joined = b"".join(sorted(self.seen))
        return {"hashes": torch.tensor(np.frombuffer(joined, dtype=np.int64).reshape(-1, 2))}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the hashes."""
        hashes = np.ascontiguousarray(state["hashes"].cpu().numpy())
        self.seen = set(hashes.view("V16").ravel().tolist())
