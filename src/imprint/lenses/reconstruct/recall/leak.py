"""Recall on training images beside a leak test on images that neither encoder has seen.

Neither encoder can recall what it was never trained on. So where the target's samples have more in
common with such images too, something else than memory sets the two apart: one encoder is better,
its samples are sharper, or images have leaked from one set to the other. Then the difference on
training images is no evidence of memory, and no claim is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Literal

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.recall.paired import PairedRecall
from imprint.stats.estimate import Estimate

Verdict = Literal["recalled", "leak", "no difference", "reference recalls more", "not separated"]


@dataclass(frozen=True)
class RecallClaim:
    """The same quantity on training images of the target and on images of neither encoder.

    Attributes:
        members: on images the target was trained on and the reference was not.
        outside: on images that neither was trained on: the leak test.
    """

    members: PairedRecall
    outside: PairedRecall

    def __post_init__(self) -> None:
        if self.members.quantity != self.outside.quantity:
            raise ImprintError(
                f"the leak test is of the {self.outside.quantity} and the training images of the "
                f"{self.members.quantity}: measure the same on both"
            )

    @property
    def leak_test_passed(self) -> bool:
        """Whether the 95 % interval of the difference on images of neither encoder holds 0."""
        return self.outside.difference.low <= 0 <= self.outside.difference.high

    @property
    def excess(self) -> Estimate:
        """The difference on training images less that on images of neither encoder.

        The sets are independent: distances to the limits add in squares (Zou and Donner 2008).
        """
        members, outside = self.members.difference, self.outside.difference
        value = members.value - outside.value
        low = value - hypot(members.value - members.low, outside.high - outside.value)
        high = value + hypot(members.high - members.value, outside.value - outside.low)
        return Estimate(value, (low, high), members.n + outside.n)

    @property
    def verdict(self) -> Verdict:
        """What may be said; ``recalled`` alone is a claim."""
        difference = self.members.difference
        if not self.leak_test_passed:
            return "leak"
        if difference.high < 0:
            return "reference recalls more"
        if difference.low <= 0:
            return "no difference"
        return "recalled" if self.excess.low > 0 else "not separated"

    @property
    def claimed(self) -> bool:
        """Whether the numbers support that the target recalls its training images."""
        return self.verdict == "recalled"

    @property
    def sentence(self) -> str:
        """The claim with its leak test, or why none is made."""
        quantity, seen = self.members.quantity, _in_words(self.members.difference)
        test = _in_words(self.outside.difference)
        n = self.outside.difference.n
        match self.verdict:
            case "leak":
                return (
                    f"No claim: the leak test failed. On {n} images that neither encoder has seen "
                    f"the {quantity} differs as well, by {test}, so the difference of {seen} on "
                    "training images is no evidence of memory."
                )
            case "reference recalls more":
                return (
                    f"No claim: the {quantity} is lower for the target than for the reference, by "
                    f"{seen} on its own training images; the leak test passed, {test}."
                )
            case "no difference":
                return (
                    f"No claim: the {quantity} differs by {seen} between target and reference on "
                    f"training images, which may be 0; the leak test passed, {test}."
                )
            case "not separated":
                return (
                    f"No claim: the {quantity} differs by {seen} on training images, but the leak "
                    f"test, {test} on {n} images, is too imprecise to exclude a leak of that size: "
                    "give it more images."
                )
            case "recalled":
                return (
                    f"The target recalls its training images: the {quantity} is higher than for "
                    f"the reference by {seen}; on {n} images that neither encoder has seen it "
                    f"differs by {test}, an interval that holds 0."
                )


def _in_words(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
