"""The card that says how to rebuild a network; it lies beside the weights as ``NAME.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from imprint.core.errors import ImprintError
from imprint.nets.heads import projector_widths
from imprint.study.plain import to_plain

NORMALISATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mnist": ((0.1307,), (0.3081,)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and standard deviation a channel, of inputs in [0, 1], that published weights expect."""


_LARGEST = {"channels": 4096, "outputs": 1_000_000, "input_size": 8192}
_KINDS: Mapping[str, type] = {
    "architecture": str,
    "projector": str,
    "output": str,
    "options": Mapping,
    "training": Mapping,
}


@dataclass(frozen=True)
class ModelCard:
    """How to rebuild a :class:`ImageModel`; lies beside the weights as ``NAME.json``.

    Args:
        architecture: a name for :func:`imprint.nets.build.build_network`.
        channels: of the images.
        outputs: classes, or None for a network that ends in its features.
        input_size: side of the images in pixels.
        mean: one number, or one a channel, for inputs in [0, 1].
        std: one positive number, or one a channel.
        options: further options of the architecture.
        projector: dash string of widths, ``""`` for none. With both a projector and outputs, the
            classifier stands on the projector.
        training: how the weights came about, as JSON values; free.
        output: which entry of what a user's network returns is its output, by index, key or
            field; empty to find it (:mod:`imprint.nets.outputs`).

    Raises:
        ImprintError: a value is impossible.
    """

    architecture: str
    channels: int
    outputs: int | None
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    projector: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""

    def __post_init__(self) -> None:
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if value is None and name == "outputs":
                continue
            if type(value) is not int or not 1 <= value <= largest:
                raise ImprintError(
                    f"{name} must be a whole number from 1 to {largest:,}"
                    f"{', or null for none' * (name == 'outputs')}, got {value!r}"
                )
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                what = "text" if kind is str else "keys and values"
                raise ImprintError(f"{name} must be {what}, got {value!r}")
        check_normalisation(self.channels, self.mean, self.std)
        projector_widths(self.projector)

    def to_json(self) -> Mapping[str, Any]:
        """Return the card as JSON values."""
        return {
            "architecture": self.architecture,
            "channels": self.channels,
            "outputs": self.outputs,
            "input_size": self.input_size,
            "mean": list(self.mean),
            "std": list(self.std),
            "options": to_plain(dict(self.options)),
            "projector": self.projector,
            "training": to_plain(dict(self.training)),
            **({"output": self.output} if self.output else {}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str) -> ModelCard:
        """Return the card that JSON values hold.

        Args:
            content: what :meth:`to_json` gives; keys with a default may be missing.
            where: what to call the source in messages.

        Raises:
            ImprintError: an unknown or missing key, or an impossible value.
        """
        known = {part.name: part for part in fields(cls)}
        unknown = [key for key in content if key not in known]
        if unknown:
            raise ImprintError(
                f"{where}: unknown key {unknown[0]!r}; known here: {', '.join(known)}"
            )
        needed = [
            name
            for name, part in known.items()
            if part.default is MISSING and part.default_factory is MISSING
        ]
        missing = [name for name in needed if name not in content]
        if missing:
            raise ImprintError(f"{where} does not say {', '.join(missing)}: add it")
        values = dict(content)
        try:
            for name in ("mean", "std"):
                numbers = values[name]
                if not isinstance(numbers, (list, tuple)) or not all(map(_is_number, numbers)):
                    raise ImprintError(f"{name} must be a list of finite numbers, got {numbers!r}")
                values[name] = tuple(float(number) for number in numbers)
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ImprintError(f"{where}: a value has the wrong type ({error})") from error
        except ImprintError as error:
            raise ImprintError(f"{where}: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and type(value) is not bool and abs(value) < math.inf


def check_normalisation(channels: int, mean: Sequence[float], std: Sequence[float]) -> None:
    """Check mean and standard deviation: one number for all channels, or one a channel.

    Raises:
        ImprintError: other counts, a mean that is not finite, or a deviation that is not positive.
    """
    if len(mean) not in (1, channels) or len(std) not in (1, channels):
        raise ImprintError(
            f"{channels}-channel images need one mean and standard deviation for all channels or "
            f"one each, got {len(mean)} and {len(std)}"
        )
    if not all(math.isfinite(number) for number in mean):
        raise ImprintError(f"means must be finite, got {list(mean)}")
    if not all(0 < number < math.inf for number in std):
        raise ImprintError(f"standard deviations must be positive and finite, got {list(std)}")


def for_channels(numbers: Sequence[float], channels: int) -> tuple[float, ...]:
    """Return the numbers of a normalisation that was stated for colour, as these images take them.

    Three numbers are cut to the first for one channel. For other counts of channels those of
    ImageNet, which are the default of training, become their mean, for every channel alike.
    """
    if len(numbers) != 3 or channels == 3:
        return tuple(numbers)
    if channels == 1:
        return tuple(numbers[:1])
    if tuple(numbers) in NORMALISATIONS["imagenet"]:
        return (round(sum(numbers) / 3, 3),)
    return tuple(numbers)
