"""Any architecture with group in place of batch normalisation, so that no image sees another.

Batch statistics make every output depend on the whole batch, which DP-SGD cannot account for.
Wu and He, "Group Normalization", 2018: channels are normalised in groups, 32 where their number
allows it, so that the replacement is that of the common DP libraries, layer by layer.

Named as an architecture: ``imprint.nets.group_norm:build`` with the option ``of`` and the options
of the architecture that it names.
"""

from __future__ import annotations

import json
import math
from typing import Any

from torch import nn

from imprint.nets.backbone import Backbone
from imprint.nets.build import GROUP_NORM, build_network

ARCHITECTURE = GROUP_NORM
GROUPS = 32


def build(
    channels: int, outputs: int | None, input_size: int, of: str = "patch_convnet", **options: Any
) -> Backbone:
    """Return the architecture ``of`` with fresh weights and group normalisation.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels.
        of: an architecture, as for :func:`imprint.nets.build.build_network`.
        options: of that architecture.

    Raises:
        ImprintError: it cannot be built.
    """
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }
    return replace_batch_norm(build_network(of, channels, outputs, input_size, texts))


def replace_batch_norm(network: Backbone) -> Backbone:
    """Put group in place of every batch normalisation, gcd(32, channels) groups; return itself."""
    for module in list(network.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                groups = math.gcd(GROUPS, part.num_features)
                setattr(module, name, nn.GroupNorm(groups, part.num_features, affine=part.affine))
    return network
