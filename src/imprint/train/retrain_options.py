"""How networks are retrained, many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.study.option_types import Numbers, Settings

Loss = Literal["cross_entropy", "squared"]
FULLY_CONNECTED = "fully_connected"
OF_IMAGE_NETWORKS = ("architecture_options", "momentum", "weight_decay")
OF_FULLY_CONNECTED = ("width",)


@dataclass(frozen=True, kw_only=True)
class RetrainOptions(Checked):
    """How networks are trained, and which.

    What fully connected ones are made of stands with the kernel.
    """

    architecture: str = FULLY_CONNECTED
    """fully_connected, as the options of the kernel fc describe; or a network of images such as
    lenet, cifar_resnet8 or cifar_resnet20, timm:NAME, or package.module:function."""
    architecture_options: Settings = ()
    """Settings of a network of images, as name=value,name=value."""
    width: Annotated[int, Bounds(least=1)] = 256
    """Width of each hidden layer of fully connected networks (published: 1024)."""
    epochs: Annotated[int, Bounds(least=1)] = 50
    """Passes over the data."""
    batch_size: Annotated[int, Bounds(least=1)] = 50
    """Records per step (published: 64)."""
    learning_rate: Annotated[float, Bounds(least=1e-20, most=1e20)] = 0.05
    """Initial learning rate, within the range of float32 (published, on 10,000 images: 0.001)."""
    drops: Annotated[Numbers, Bounds(least=0, most=1)] = (0.5, 0.7, 0.9)
    """Shares of the epochs after which the learning rate falls to a tenth."""
    loss: Loss = "cross_entropy"
    """cross_entropy, or squared: half the squared distance to the centred one-hot targets."""
    shuffle: bool = True
    """A new order each epoch, the same for all networks; otherwise one order (published)."""
    momentum: Annotated[float, Bounds(least=0, below=1)] = 0.0
    """Nesterov momentum, of networks of images."""
    weight_decay: Annotated[float, Bounds(least=0, most=1e3)] = 0.0
    """Weight decay, of the weights of networks of images but not of biases and normalisation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        other = OF_IMAGE_NETWORKS if self.is_fully_connected else OF_FULLY_CONNECTED
        for name in other:
            # A class attribute of a dataclass is the default of its field.
            if getattr(self, name) != getattr(type(self), name):
                applies = "networks of images" if self.is_fully_connected else FULLY_CONNECTED
                raise ImprintError(
                    f"--train.{name.replace('_', '-')} applies to {applies}, and "
                    f"--train.architecture is {self.architecture}: leave it out"
                )

    @property
    def is_fully_connected(self) -> bool:
        """Whether the options of the kernel ``fc`` describe the networks."""
        return self.architecture == FULLY_CONNECTED

    def rate(self, epoch: int) -> float:
        """Return the learning rate in force during an epoch, counted from 0."""
        # A share of the epochs such as 0.7 · 50 must not fall to 34.999….
        passed = sum(epoch >= share * self.epochs - 1e-9 for share in self.drops)
        return self.learning_rate * 0.1**passed

    def settings(self) -> Mapping[str, Any]:
        """Return the options as JSON values, those that apply to the architecture."""
        other = OF_IMAGE_NETWORKS if self.is_fully_connected else OF_FULLY_CONNECTED
        values = {name: value for name, value in asdict(self).items() if name not in other}
        if self.is_fully_connected:
            # What networks are made of is stated beside; older studies hold no architecture here.
            del values["architecture"]
        else:
            values["architecture_options"] = dict(self.architecture_options)
        return {**values, "drops": list(self.drops)}
