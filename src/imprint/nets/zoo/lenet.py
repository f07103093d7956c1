"""LeNet-5 with ReLU and max-pooling (after LeCun et al. 1998, fig. 2)."""

from __future__ import annotations

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, linear_classifier
from imprint.nets.registry import ARCHITECTURES

SMALLEST = 16


class LeNet(Backbone):
    """Two 5 × 5 convolutions, each pooled, and three linear layers; the last is the classifier."""

    classifier_name = "fc3"
    any_size = False

    def __init__(self, channels: int, outputs: int | None, grid: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * grid**2, 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, 84)
        self.relu4 = nn.ReLU()
        self.feature_width = 84
        self.fc3 = linear_classifier(self.feature_width, outputs)

    def features(self, images: Tensor) -> Tensor:
        """Return the layer before the classifier, ``[b, 84]``."""
        maps = self.pool1(self.relu1(self.conv1(images)))
        maps = self.pool2(self.relu2(self.conv2(maps)))
        hidden = self.relu3(self.fc1(maps.flatten(1)))
        features: Tensor = self.relu4(self.fc2(hidden))
        return features


@ARCHITECTURES.register("lenet")
def build(channels: int, outputs: int | None, input_size: int) -> LeNet:
    """Return LeNet-5; 32 × 32 is the size of the published weights.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels.

    Raises:
        ImprintError: the images are too small for the two convolutions.
    """
    if input_size < SMALLEST:
        raise ImprintError(
            f"lenet needs an input_size of at least {SMALLEST} pixels, got {input_size}"
        )
    grid = ((input_size - 4) // 2 - 4) // 2
    return LeNet(channels, outputs, grid)
