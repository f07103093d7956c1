"""A test of memorization without reference models: held-out losses beyond the largest of members.

A network that fitted its members has none of high loss, while some records that it did not see have
one. Of n member and m held-out losses, τ is the (⌊βn⌋ + 1)-th largest member loss; the statistic is
the share of held-out losses above τ, ties not counted: the true negative rate of the loss attack at
a false negative rate of at most β. Across models it follows the TPR of LiRA at low FPR, so it ranks
models; it names no record.

Were members and held-out records alike, all orders of the n + m losses would be equally likely.
Then s or more lie above τ where at most ⌊βn⌋ of the s + ⌊βn⌋ largest are members: a hypergeometric
probability, for β = 0 that of C(m, s) / C(n + m, s), with a mean share of 1 / (n + 1). Ties make it
too large, never too small. It assumes records of one source: held-out data that differ in
difficulty or date are beyond τ without any memorization.

"The Tail Tells All", arXiv 2510.19773.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import hypergeom

from imprint.core.errors import ImprintError
from imprint.stats.checks import sample

DEFAULT_BETA = 0.001


@dataclass(frozen=True)
class TailTest:
    """How many held-out losses lie beyond the tail of the members.

    Attributes:
        share: of held-out losses above the threshold, in [0, 1].
        above: how many these are.
        held_out: held-out losses m.
        members: member losses n.
        beta: share of members that may lie above as well.
        threshold: τ, in the unit of the losses.
        expected: mean share were members and held-out records alike.
        p_value: probability of so many or more then.
    """

    share: float
    above: int
    held_out: int
    members: int
    beta: float
    threshold: float
    expected: float
    p_value: float

    def describe(self) -> str:
        """Return a sentence without its full stop.

        Examples:
            >>> tail_test([0.1, 0.2, 0.3, 0.4], [0.05, 0.35, 0.5, 0.9], beta=0).describe()[:44]
            'tail test: 50% of the non-members (2 of 4) h'
        """
        allowed = round(self.expected * (self.members + 1)) - 1
        whose = f"all but {allowed} of the members" if allowed else "every member"
        p = "p < 0.0001" if self.p_value < 1e-4 else f"p = {self.p_value:.2g}"
        return (
            f"tail test: {100 * self.share:.3g}% of the non-members ({self.above} of "
            f"{self.held_out}) have a loss above that of {whose}, where chance alone would give "
            f"{100 * self.expected:.2g}% ({p})"
        )


def tail_test(
    member_losses: ArrayLike, non_member_losses: ArrayLike, beta: float = DEFAULT_BETA
) -> TailTest:
    """Return the tail test of one network; one forward pass a record, no reference model.

    Args:
        member_losses: ``[n]``, losses of records it was trained on; any loss, larger is worse.
        non_member_losses: ``[m]``, of records from the same source that it was not trained on.
        beta: in [0, 1), share of the members that may lie above the threshold.

    Raises:
        ImprintError: a sample is empty or holds a loss that is not finite, or β is out of range.

    Examples:
        >>> test = tail_test([0.1, 0.2, 0.3, 0.4], [0.05, 0.35, 0.5, 0.9], beta=0)
        >>> test.share, round(test.p_value, 4)
        (0.5, 0.2143)
    """
    if not 0 <= beta < 1:
        raise ImprintError(f"beta must be in [0, 1), got {beta:g}")
    inside = np.sort(sample(member_losses, "losses of members"))
    outside = sample(non_member_losses, "losses of non-members")
    n, m = len(inside), len(outside)
    # A product such as .1 · 30 may round to just below a whole number.
    allowed = min(int(np.floor(beta * n * (1 + 1e-12))), n - 1)
    threshold = float(inside[n - 1 - allowed])
    above = int(np.count_nonzero(outside > threshold))
    return TailTest(
        share=above / m,
        above=above,
        held_out=m,
        members=n,
        beta=beta,
        threshold=threshold,
        expected=(allowed + 1) / (n + 1),
        p_value=float(hypergeom.cdf(allowed, n + m, n, above + allowed)),
    )
