"""How near a query comes to the most that any query could tell of a removed record.

The labels of the removed records S act on f only through f(S), which is therefore sufficient for
telling out from in: for every query set and kernel, both divergences and the whole ROC curve are at
most those at S itself. A search for the worst query can be judged, and stopped, by the ratio.

For one record and one query the ratio is monotone in ρ², the squared correlation of f(q) and f(s)
in the model without the record:

    z_q / (1 + z_q) = ρ² h_s,   with h_s the leverage.

The mean distance has no such bound: it is no divergence, and grows without limit along multiples of
a query if the kernel is homogeneous.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, Measure


def certificate(
    query: Directions, own: Directions, measure: Measure = Directions.kl_out_in
) -> Tensor:
    """Return measure(query) / measure(S), in [0, 1] up to rounding.

    Args:
        query: at the queries, ``[..., k]``.
        own: at the removed records themselves, ``[n, k]`` for queries ``[n, q, k]``.
        measure: ``Directions.kl_out_in`` or ``Directions.kl_in_out``.

    Returns:
        float64 ``[...]``; 1 where nothing can be told at all, not even at S.
    """
    reached, possible = measure(query), measure(own)
    possible = possible.reshape(possible.shape + (1,) * (reached.ndim - possible.ndim))
    possible = possible.expand_as(reached)
    return torch.where(possible > 0, reached / possible, torch.ones_like(possible))


def squared_correlation(spread: Tensor, leverage: Tensor) -> Tensor:
    """Return ρ², the squared out-correlation of f(q) and f(s), in [0, 1] up to rounding.

    Args:
        spread: z at the queries, float64 ``[n, q]``.
        leverage: h, float64 ``[n]``.

    Returns:
        float64 ``[n, q]``; 0 where the leverage is.
    """
    share = spread / (1 + spread)
    own = leverage[:, None]
    return torch.where(own > 0, share / own, torch.zeros_like(share))
