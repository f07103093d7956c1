"""Target against reference on the same images: a mean of differences over images.

Samples of one image share its representation and are alike, so the image is what is drawn: the
samples of an image are averaged first, and interval and p-value rest on one difference an image.
"""

from __future__ import annotations

from dataclasses import dataclass

from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class PairedRecall:
    """What samples of a target and of a reference have in common with their originals.

    Attributes:
        quantity: what is averaged, for a sentence: ``share of samples …``.
        target: mean over images.
        reference: mean over the same images.
        difference: target minus reference; its interval is over draws of images.
        p_value: two-sided, of the exchange of target and reference image by image.
        samples: of each image, by target and reference.
    """

    quantity: str
    target: Estimate
    reference: Estimate
    difference: Estimate
    p_value: float
    samples: tuple[int, int]
