"""Class labels as the targets of a Gaussian process: one-hot, less 1/c.

With two classes the two columns are exact negatives. As ``classes`` they count as two independent
outputs, as in the publication; as ``contrast`` one column stands for both, and every divergence is
half as large.

Real values are fitted in standard deviations
(:mod:`imprint.lenses.leave_one_out.posterior.target_units`), so that a noise variance means the
same for every unit; labels of which several may hold are −1 and 1.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import TargetKind

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


def signed_labels(labels: Tensor) -> Tensor:
    """Return labels that hold or not, 0 or 1 ``[n, l]``, as −1 or 1, float64.

    >>> signed_labels(torch.tensor([[0, 1]])).tolist()
    [[-1.0, 1.0]]
    """
    return labels.double() * 2 - 1


def towards_targets(shift: Tensor, residual: Tensor, kind: TargetKind, targets: Tensor) -> Tensor:
    """Return how far predictions move towards their targets with a record, ``[...]``.

    Of labels the mean over them. Of real values by how much closer to the target the prediction is,
    |y − μ_out| − |y − μ_in|: above 0 where the record draws it there.

    Args:
        shift: μ_in − μ_out, ``[..., c]``.
        residual: y − μ_out, ``[..., c]``.
        kind: ``labels`` or ``values``.
        targets: y, of labels, ``[..., c]``.
    """
    if kind == "labels":
        return (shift * targets).mean(-1)
    closer: Tensor = residual.norm(dim=-1) - (residual - shift).norm(dim=-1)
    return closer
