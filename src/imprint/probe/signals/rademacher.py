"""Random signs that depend on the seed, the record, its augmentation and the probe alone.

So all models are probed in the same directions (common random numbers: less variance in the
contrast of models), whatever the batch size or the order of records.
"""

from __future__ import annotations

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.seeds import derive, uniforms


def rademacher(
    seed: int, purpose: str, augmentation: str, probe: int, indices: IntArray, count: int
) -> torch.Tensor:
    """Return ``count`` independent signs, −1 or 1 with probability ½, for each record.

    Args:
        seed: the study's.
        purpose: what they are for; other purposes give unrelated signs.
        augmentation: its name.
        probe: number of the draw.
        indices: int64 ``[b]``, which records.
        count: signs a record.

    Returns:
        int8 ``[b, count]`` on the CPU; row i depends on ``indices[i]`` and the other arguments.
    """
    key = derive(seed, purpose, augmentation, probe)
    words = (uniforms(key, indices, -(-count // 32)) * 2.0**32).astype("<u4")
    bits = np.unpackbits(words.view(np.uint8), axis=1, count=count)
    return torch.from_numpy(bits.view(np.int8)).mul_(2).sub_(1)
