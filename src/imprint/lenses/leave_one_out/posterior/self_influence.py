"""What removing a record does to the prediction for that record itself, all records at once.

With leverage h_s = 1 − σ²R_ss, variance v_s without the record, and residual r_s = y_s − μ_out(s):

    z = v_s / σ² = h_s / (1 − h_s),   a = |r_s|² / (v_s + σ²),   μ_in(s) − μ_out(s) = h_s r_s.

A record is memorised if it lies far from the rest or if its label surprises. No other query tells
more of it (see :mod:`imprint.lenses.leave_one_out.posterior.distinguishability`). Only the
diagonal of R and α are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, mean_distance
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, classes_of


@dataclass(frozen=True, eq=False)
class SelfInfluence:
    """One row per record, float64, on the device of the kernel matrix.

    Attributes:
        leverage: h, ``[n]``, in [0, 1].
        variance_out: v, ``[n]``, variance of f(s) in the model without s.
        residual: y − μ_out, ``[n, c]``.
        shift: μ_in − μ_out, ``[n, c]``.
        memorization: ``[n]``, by how much the prediction of its own class rises when the record is
            trained on, in units of the targets; negative where it falls.
        directions: ``[n, 1]``, for divergences, AUC and rates.
    """

    leverage: Tensor
    variance_out: Tensor
    residual: Tensor
    shift: Tensor
    memorization: Tensor
    directions: Directions

    @property
    def residual_norm(self) -> Tensor:
        """|y − μ_out|, ``[n]``."""
        return self.residual.square().sum(1).sqrt()

    @property
    def mean_distance(self) -> Tensor:
        """½ mean over outputs of (μ_in − μ_out)², ``[n]``, in squared units of the targets."""
        return mean_distance(self.shift)

    @property
    def kl_out_in(self) -> Tensor:
        """KL(out ‖ in), ``[n]``, in nats."""
        return self.directions.kl_out_in()

    @property
    def kl_in_out(self) -> Tensor:
        """KL(in ‖ out), ``[n]``, in nats."""
        return self.directions.kl_in_out()

    @property
    def auc(self) -> Tensor:
        """Exact area under the ROC curve of telling in from out, ``[n]``, in [½, 1]."""
        return self.directions.auc()

    def tpr_at_fpr(self, fpr: float) -> Tensor:
        """Return the greatest true positive rate at a false positive rate, ``[n]``."""
        return self.directions.tpr_at_fpr(fpr)


def self_influence(posterior: Posterior) -> SelfInfluence:
    """Return what every record does to its own prediction.

    >>> import torch
    >>> from imprint.lenses.leave_one_out.posterior.posterior import fit
    >>> alone = fit(3 * torch.eye(2).double(), torch.tensor([[0.5], [-0.5]]).double(), 1.0)
    >>> result = self_influence(alone)
    >>> result.leverage.tolist(), result.memorization.tolist()
    ([0.75, 0.75], [0.375, 0.375])
    """
    return from_diagonal(
        posterior.leverage,
        posterior.inverse_diagonal,
        posterior.weights,
        posterior.targets,
        posterior.noise,
    )


def from_diagonal(
    leverage: Tensor, inverse_diagonal: Tensor, weights: Tensor, targets: Tensor, noise: float
) -> SelfInfluence:
    """Return the same from h ``[n]``, R_ss ``[n]``, α ``[n, c]``, Y ``[n, c]`` and σ²."""
    # 1 − h is σ²R_ss, whose digits are there where those of the difference are not.
    spread = leverage / (noise * inverse_diagonal)
    residual = weights / inverse_diagonal[:, None]
    surprise = weights.square().sum(1) / inverse_diagonal
    shift = leverage[:, None] * residual
    return SelfInfluence(
        leverage,
        noise * spread,
        residual,
        shift,
        towards_class(shift, targets),
        Directions(spread[:, None], surprise[:, None], targets.shape[1]),
    )


def bounded_divergence(
    variance: Tensor, weights: Tensor, noise: float, count: Tensor | int = 1
) -> Tensor:
    """Return KL(out ‖ in) at the largest variance without a record, ``[n]``.

    It rises with the variance: with k copies z = kv/σ² and a = σ²|Σ α|²(1 + z)/k.

    Args:
        variance: v, at most, ``[n]``.
        weights: α of a record, or the sum over its copies, ``[n, c]``.
        noise: σ².
        count: k, copies left out together, itself counted.
    """
    spread = count * variance / noise
    surprise = noise * weights.square().sum(1) * (1 + spread) / count
    return Directions(spread[:, None], surprise[:, None], weights.shape[1]).kl_out_in()


def towards_class(shift: Tensor, targets: Tensor) -> Tensor:
    """Return the shift of the output of a row's own class, ``[n]``; of one column, by its sign.

    Args:
        shift: ``[n, c]``.
        targets: ``[n, c]``, largest at the row's class.
    """
    classes = classes_of(targets)
    if targets.shape[1] > 1:
        return shift.gather(1, classes[:, None])[:, 0]
    return shift[:, 0] * (2 * classes - 1)
