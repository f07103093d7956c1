"""Any architecture with group in place of batch normalisation, so that no image sees another.

Batch statistics make every output depend on the whole batch, which DP-SGD cannot account for.
Wu and He, "Group Normalization", 2018: channels are normalised in groups, 32 where their number
allows it, so that the replacement is that of the common DP libraries, layer by layer.

The architecture ``imprint.nets.group_norm:build`` takes the option ``of``, an architecture, and the
options of that one.
"""

from __future__ import annotations

import math

from torch import nn

from imprint.nets.backbone import Backbone

ARCHITECTURE = "imprint.nets.group_norm:build"
"""Its name on cards; :func:`imprint.nets.build.build_network` builds it."""
GROUPS = 32


def replace_batch_norm(network: Backbone) -> Backbone:
    """Put group in place of every batch normalisation, gcd(32, channels) groups; return itself."""
    for module in list(network.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                groups = math.gcd(GROUPS, part.num_features)
                setattr(module, name, nn.GroupNorm(groups, part.num_features, affine=part.affine))
    return network
