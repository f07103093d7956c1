"""The losses that networks are trained with, their slopes and curvature by the outputs.

Row by row, of outputs z ``[b, c]``:

- ``cross_entropy``: of a class, int64 ``[b]``; its Hessian is diag(p) − ppᵀ;
- ``squared``: ½|z − y|² of the centred indicator of a class, one-hot less 1/c;
- ``binary_cross_entropy``: summed over labels, targets 0 or 1 ``[b, c]``; diag(p(1 − p));
- ``squared_error``: ½|z − y|² of real values ``[b, c]``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Loss = Literal["cross_entropy", "squared", "binary_cross_entropy", "squared_error"]
OF_CLASSES: tuple[Loss, ...] = ("cross_entropy", "squared")
"""Losses whose targets are classes."""


def row_losses(kind: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each row, ``[b]``.

    >>> row_losses("squared_error", torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([2.])
    """
    if kind == "cross_entropy":
        return nn.functional.cross_entropy(outputs, targets, reduction="none")
    if kind == "binary_cross_entropy":
        wanted = targets.to(outputs.dtype)
        return nn.functional.binary_cross_entropy_with_logits(
            outputs, wanted, reduction="none"
        ).sum(-1)
    if kind == "squared_error":
        return 0.5 * (outputs - targets.to(outputs.dtype)).square().sum(-1)
    return 0.5 * (outputs - centred_indicator(outputs, targets)).square().sum(-1)


def loss_slopes(kind: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return δ, the slope of each row's loss by its outputs, ``[b, c]``."""
    if kind == "cross_entropy":
        return outputs.softmax(-1) - indicator(outputs, targets)
    if kind == "binary_cross_entropy":
        return outputs.sigmoid() - targets.to(outputs.dtype)
    if kind == "squared_error":
        return outputs - targets.to(outputs.dtype)
    return outputs - centred_indicator(outputs, targets)


def curvature_root(kind: Loss, outputs: Tensor) -> Tensor:
    """Return L with LLᵀ the Hessian of each row's loss by its outputs, ``[b, c, c]``."""
    if kind == "cross_entropy":
        p = outputs.softmax(1)
        root = p.sqrt()
        return torch.diag_embed(root) - p[:, :, None] * root[:, None, :]
    if kind == "binary_cross_entropy":
        p = outputs.sigmoid()
        return torch.diag_embed((p * (1 - p)).sqrt())
    return torch.eye(outputs.shape[1]).to(outputs).expand(len(outputs), -1, -1)


def indicator(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the one-hot rows of classes, ``[b, c]``."""
    # nn.functional.one_hot looks at the values of the labels, which vmap does not allow.
    classes = torch.arange(outputs.shape[-1], device=labels.device)
    return (labels[..., None] == classes).to(outputs.dtype)


def centred_indicator(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the one-hot rows of classes less 1/c."""
    return indicator(outputs, labels) - 1 / outputs.shape[-1]
