"""What networks can be built by name: own architectures, and those of other libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imprint.core.registry import Registry
from imprint.nets.backbone import Backbone

Builder = Callable[..., Backbone]
"""``build(channels: int, outputs: int | None, input_size: int, **options) -> Backbone``."""

ARCHITECTURES: Registry[Builder] = Registry(
    "architecture", "imprint.nets.zoo", group="imprint.architectures"
)

Library = Callable[[str, int, int | None, int, Mapping[str, Any]], Backbone]
"""``build(name, channels, outputs, input_size, options) -> Backbone``."""

LIBRARIES: Registry[Library] = Registry("library", "imprint.nets.foreign")
