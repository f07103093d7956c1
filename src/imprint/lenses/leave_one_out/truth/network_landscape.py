"""How far networks trained with a record are from others trained without it, point by point.

At each point the outputs of N networks with the record and of M without are two samples of c
numbers, of different starts, so that they are independent. Each is described by a normal law, as in
the publication. KL(out ‖ in) and the mean distance are unbiased for normal outputs: what E[S⁻¹] =
Σ⁻¹ν / (ν − c − 1), the digammas of E[log |S|], and the noise of both means add is taken off
(Anderson, "An introduction to multivariate statistical analysis", 2003, chapter 7). Equal samples
give 0 on average, and so values below 0 too. Standard errors are by jackknife.

The AUC of such networks is that of :mod:`imprint.lenses.leave_one_out.truth.paired_auc`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError

# Networks times points at a time.
_AT_ONCE = 1 << 15


@dataclass(frozen=True, eq=False)
class NetworkLandscape:
    """Estimates and their standard errors at each point, float64 ``[...]``.

    Attributes:
        kl_out_in: in nats.
        kl_error: its standard error.
        mean_distance: ½ mean over outputs of the squared difference of means, in their units.
        mean_distance_error: its standard error.
    """

    kl_out_in: Tensor
    kl_error: Tensor
    mean_distance: Tensor
    mean_distance_error: Tensor


def network_landscape(outputs_in: Tensor, outputs_out: Tensor) -> NetworkLandscape:
    """Compare outputs of networks with and without a record.

    Args:
        outputs_in: of the networks trained with it, ``[N, ..., c]``; points of any shape, such as
            records × lines × steps.
        outputs_out: of those without, ``[M, ..., c]``.

    Raises:
        ImprintError: shapes that do not fit, too few networks for a law of c numbers, outputs that
            are not finite or of which one is a function of the others at some point.
    """
    _check(outputs_in, outputs_out)
    shape, width = outputs_in.shape[1:-1], outputs_in.shape[-1]
    flat = [
        outputs.double().reshape(len(outputs), -1, width) for outputs in (outputs_in, outputs_out)
    ]
    points = max(1, _AT_ONCE // (len(outputs_in) + len(outputs_out)))
    parts = zip(*(torch.split(outputs, points, dim=1) for outputs in flat), strict=True)
    columns = zip(*(_at_points(*part) for part in parts), strict=True)
    return NetworkLandscape(*(torch.cat(column).view(shape) for column in columns))


def _at_points(within: Tensor, without: Tensor) -> tuple[Tensor, ...]:
    laws = _Laws.of(within), _Laws.of(without)
    return (
        *_with_error(_divergence, *laws),
        *_with_error(_mean_distance, *laws),
    )


@dataclass(frozen=True, eq=False)
class _Laws:
    """Normal laws of a sample at p points, and of the same less one member each.

    Attributes:
        mean: ``[1 + N, p, c]``, the whole sample first.
        covariance: ``[1 + N, p, c, c]``, unbiased.
        count: members of each, float64 ``[1 + N, 1]``.
    """

    mean: Tensor
    covariance: Tensor
    count: Tensor

    @classmethod
    def of(cls, sample: Tensor) -> _Laws:
        """Fit a sample ``[N, p, c]``, without one after another by formula."""
        count = len(sample)
        mean = sample.mean(0)
        apart = sample - mean
        products = apart[..., :, None] * apart[..., None, :]
        scatter = products.sum(0)
        less = (scatter - count / (count - 1) * products) / (count - 2)
        counts = sample.new_full((1 + count, 1), count - 1)
        counts[0] = count
        return cls(
            torch.cat([mean[None], mean - apart / (count - 1)]),
            torch.cat([scatter[None] / (count - 1), less]),
            counts,
        )

    def part(self, members: slice) -> _Laws:
        """Return some of the laws."""
        return _Laws(self.mean[members], self.covariance[members], self.count[members])


_WHOLE, _LESS = slice(0, 1), slice(1, None)


Statistic = Callable[[_Laws, _Laws], Tensor]


def _with_error(statistic: Statistic, laws_in: _Laws, laws_out: _Laws) -> tuple[Tensor, Tensor]:
    """Return a statistic of two samples and its jackknife standard error, ``[p]``."""
    whole_in, whole_out = laws_in.part(_WHOLE), laws_out.part(_WHOLE)
    value = statistic(whole_in, whole_out)[0]
    variance = torch.zeros_like(value)
    for less in (
        statistic(laws_in.part(_LESS), whole_out),
        statistic(whole_in, laws_out.part(_LESS)),
    ):
        variance = variance + (len(less) - 1) * less.var(0, correction=0)
    return value, variance.sqrt()


def _divergence(within: _Laws, without: _Laws) -> Tensor:
    """Return unbiased KL(out ‖ in) of laws that broadcast, ``[laws, p]``."""
    width = within.mean.shape[-1]
    shift = within.mean - without.mean
    freedom = within.count - 1
    inverse = torch.linalg.inv(within.covariance)
    inverse = inverse * ((freedom - width - 1) / freedom)[..., None, None]
    trace = torch.einsum("...ij,...ji->...", inverse, without.covariance)
    distance = torch.einsum("...i,...ij,...j->...", shift, inverse, shift)
    distance = distance - width / within.count - trace / without.count
    return 0.5 * (trace + distance + _log_volume(within) - _log_volume(without) - width)


def _log_volume(laws: _Laws) -> Tensor:
    """Return the unbiased log determinant of the covariance."""
    width, freedom = laws.mean.shape[-1], laws.count - 1
    below = torch.arange(width, device=freedom.device)
    digammas = torch.digamma((freedom[..., None] - below) / 2).sum(-1)
    return torch.logdet(laws.covariance) - digammas - width * torch.log(2 / freedom)


def _mean_distance(within: _Laws, without: _Laws) -> Tensor:
    """Return half the mean squared shift, less what the noise of the means adds, ``[laws, p]``."""
    noise = [
        laws.covariance.diagonal(dim1=-2, dim2=-1).mean(-1) / laws.count
        for laws in (within, without)
    ]
    return 0.5 * ((within.mean - without.mean).square().mean(-1) - noise[0] - noise[1])


def _check(outputs_in: Tensor, outputs_out: Tensor) -> None:
    if outputs_in.ndim < 2 or outputs_in.shape[1:] != outputs_out.shape[1:]:
        raise ImprintError(
            f"outputs of shapes {list(outputs_in.shape)} and {list(outputs_out.shape)} do not "
            "compare: give [networks, ..., outputs] at the same points"
        )
    least = outputs_in.shape[-1] + 4
    if min(len(outputs_in), len(outputs_out)) < least:
        raise ImprintError(
            f"{len(outputs_in)} networks with the record and {len(outputs_out)} without are too "
            f"few for laws of {least - 4} outputs: train at least {least} of each"
        )
    for name, outputs in (("with", outputs_in), ("without", outputs_out)):
        if not outputs.isfinite().all():
            raise ImprintError(f"outputs of networks {name} the record are not all finite")
        apart = outputs.double() - outputs.double().mean(0)
        values = torch.linalg.svdvals(apart.movedim(0, -2))
        if not (values[..., -1] > 1e-9 * values[..., 0]).all():
            raise ImprintError(
                f"outputs of networks {name} the record are functions of one another at some "
                "point, or all alike: give logits, and one column for two classes whose sum is 0"
            )
