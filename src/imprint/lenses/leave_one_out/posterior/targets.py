"""Class labels as the targets of a Gaussian process: one-hot, less 1/c.

With two classes the two columns are exact negatives. As ``classes`` they count as two independent
outputs, as in the publication; as ``contrast`` one column stands for both, and every divergence is
half as large.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from imprint.core.errors import ImprintError

Outputs = Literal["classes", "contrast"]


def centred_one_hot(labels: Tensor, classes: int, outputs: Outputs = "classes") -> Tensor:
    """Return the targets of labels.

    >>> centred_one_hot(torch.tensor([0, 1]), 2).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    >>> centred_one_hot(torch.tensor([0, 1]), 2, "contrast").tolist()
    [[-0.5], [0.5]]

    Args:
        labels: integers ``[n]``, from 0 to ``classes`` - 1.
        classes: c, at least 2.
        outputs: ``classes`` for one column per class, ``contrast`` for the second of two alone.

    Returns:
        float64 ``[n, c]``, or ``[n, 1]`` of ±½ as a contrast; on the device of the labels.

    Raises:
        ImprintError: a label out of range, or a contrast of other than two classes.
    """
    if labels.ndim != 1 or labels.is_floating_point():
        raise ImprintError(
            f"labels must be integers [n], got {labels.dtype} {list(labels.shape)}: "
            "give the index of each record's class"
        )
    if classes < 2:
        raise ImprintError(f"{classes} classes leave nothing to distinguish: give at least 2")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ImprintError(
            f"labels run from {int(labels.min())} to {int(labels.max())}, "
            f"but {classes} classes are numbered from 0 to {classes - 1}"
        )
    if outputs == "contrast" and classes != 2:
        raise ImprintError(f"a contrast needs 2 classes, not {classes}: choose outputs = classes")
    hot = torch.nn.functional.one_hot(labels.long(), classes).double() - 1 / classes
    return hot[:, 1:] if outputs == "contrast" else hot
