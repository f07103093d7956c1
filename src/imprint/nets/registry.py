"""The architectures imprint can build by name."""

from __future__ import annotations

from collections.abc import Callable

from imprint.core.registry import Registry
from imprint.nets.backbone import Backbone

Builder = Callable[..., Backbone]
"""``build(channels: int, outputs: int | None, input_size: int, **options) -> Backbone``."""

ARCHITECTURES: Registry[Builder] = Registry("architecture", "imprint.nets.zoo")
