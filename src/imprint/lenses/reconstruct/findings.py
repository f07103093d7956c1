"""What samples of diffusion models tell of the encoders they take representations from.

The part of ``summary.json`` that holds it, ``lenses.reconstruct``, as dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.reconstruct.quality.frechet import FrechetQuality
from imprint.lenses.reconstruct.quality.manifold import ManifoldQuality
from imprint.lenses.reconstruct.recall.leak import RecallClaim
from imprint.lenses.reconstruct.recall.paired import PairedRecall
from imprint.lenses.reconstruct.recall.quantities import CLASS_SHARE
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class EncoderRecall:
    """What the samples of one encoder have in common with their originals; means over images.

    Attributes:
        samples: of each image.
        class_share: share of samples that the classifier gives the class of the original.
        class_share_shuffled: share that it gives the class of another image of the set: chance.
        similarity: cosine similarity of samples to their original.
        similarity_shuffled: cosine similarity of samples to other images of the set: chance.
    """

    samples: int
    class_share: Estimate
    class_share_shuffled: Estimate
    similarity: Estimate | Missing
    similarity_shuffled: Estimate | Missing


@dataclass(frozen=True)
class Difference:
    """Target less reference, on the same images.

    Attributes:
        estimate: its interval is over draws of images.
        p_value: two-sided, of the exchange of target and reference image by image.
    """

    estimate: Estimate
    p_value: float


@dataclass(frozen=True)
class SetRecall:
    """What samples of one set of images have in common with them.

    Attributes:
        images: originals in the set.
        classifier_accuracy: of the classifier on the originals, at the resolution of the samples:
            no share of samples can be expected to exceed it.
        classifier_chance: share of originals that it gives the class of another one.
        target: samples of the target.
        reference: samples of the reference; None without one.
        class_share: target minus reference.
        similarity: target minus reference.
    """

    images: int
    classifier_accuracy: Estimate
    classifier_chance: Estimate
    target: EncoderRecall
    reference: EncoderRecall | None = None
    class_share: Difference | None = None
    similarity: Difference | Missing | None = None

    @property
    def least_accuracy(self) -> float:
        """Accuracy on the originals that a claim needs: half way from chance to 1."""
        return (1 + self.classifier_chance.value) / 2

    @property
    def classifier_suffices(self) -> bool:
        """Whether the whole interval of the accuracy on the originals reaches that."""
        return self.classifier_accuracy.low >= self.least_accuracy

    @property
    def encoders(self) -> Mapping[str, EncoderRecall]:
        """What is known of each encoder, by its role."""
        both = {"target": self.target, "reference": self.reference}
        return {role: recall for role, recall in both.items() if recall is not None}

    @property
    def paired_class_share(self) -> PairedRecall | None:
        """Target and reference beside each other; None without a reference."""
        if self.reference is None or self.class_share is None:
            return None
        return PairedRecall(
            CLASS_SHARE,
            self.target.class_share,
            self.reference.class_share,
            self.class_share.estimate,
            self.class_share.p_value,
            (self.target.samples, self.reference.samples),
        )


@dataclass(frozen=True)
class SampleQuality:
    """How close samples come to real images, on features; one sample of each image counts.

    Attributes:
        frechet: Fréchet distance beside its noise floor.
        kernel: squared MMD of a cubic kernel, which is 0 on average of two samples of one
            distribution; its interval is ± 1.96 standard errors of the jackknife.
        manifold: precision, recall, density and coverage.
    """

    frechet: FrechetQuality | Missing
    kernel: Estimate | Missing
    manifold: ManifoldQuality | Missing


@dataclass(frozen=True)
class ReconstructFindings:
    """Recall and quality of samples.

    Attributes:
        classifier: name of the network that names the class.
        features: name of the network whose penultimate features are compared.
        originals: the images that samples are of; of a claim, training images of the target.
        leak: images that neither encoder was trained on; None without a leak test.
        quality: of samples, by role.
        real_are_originals: whether the real images of the quality are the originals themselves.
    """

    classifier: str
    features: str
    originals: SetRecall
    quality: Mapping[str, SampleQuality]
    real_are_originals: bool
    leak: SetRecall | None = None

    @property
    def claim(self) -> RecallClaim | None:
        """The share of samples with the original's class, with its leak test; None without."""
        members = self.originals.paired_class_share
        outside = None if self.leak is None else self.leak.paired_class_share
        return None if members is None or outside is None else RecallClaim(members, outside)
