"""Multi-layer perceptron on flattened pixels."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, linear_classifier
from imprint.nets.heads import dashed_widths
from imprint.nets.registry import ARCHITECTURES


class MLP(Backbone):
    """Pixels → Linear + ReLU for every width → classifier."""

    classifier_name = "linear"
    any_size = False

    def __init__(self, inputs: int, widths: tuple[int, ...], outputs: int | None) -> None:
        super().__init__()
        self.hidden = nn.Sequential()
        for before, after in pairwise((inputs, *widths)):
            self.hidden.extend([nn.Linear(before, after), nn.ReLU()])
        self.feature_width = widths[-1]
        self.linear = linear_classifier(self.feature_width, outputs)

    def features(self, images: Tensor) -> Tensor:
        """Return the last hidden layer ``[b, widths[-1]]``."""
        hidden: Tensor = self.hidden(images.flatten(1))
        return hidden


@ARCHITECTURES.register("mlp")
def build(channels: int, outputs: int | None, input_size: int, widths: str = "512-512") -> MLP:
    """Return a perceptron.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels.
        widths: hidden widths between dashes, at least one.

    Raises:
        ImprintError: ``widths`` names no width.
    """
    hidden = dashed_widths(widths)
    if not hidden:
        raise ImprintError("mlp: widths must name at least one hidden width, as in 512-512")
    return MLP(channels * input_size**2, hidden, outputs)
