"""The points of a sweep: from options with lists of values to one set of options a point."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.options import SweepOptions
from imprint.lenses.dejavu.study.guess import searched_layer
from imprint.nets.fill import initial_model
from imprint.train.loop import make_card
from imprint.train.objective import build_objective
from imprint.train.options import TrainOptions

EPOCHS = "epochs"
"""The axis of every sweep: the snapshots of the settings without any change."""
BAR = "|"
"""Separates values, or ends them, where one of them holds a colon, as timm:NAME does."""
ATTACK_OPTIONS = (
    *("layer", "k", "voting", "metric", "decision"),
    *("crop", "min_crop_px", "corner", "corner_fraction", "centre_fraction"),
)
TRAINING_OPTIONS = ("per_class", "train", "seed")


@dataclass(frozen=True)
class Setting:
    """One point of a sweep.

    Attributes:
        axis: the option that is varied; ``EPOCHS`` for the settings without any change.
        value: of it, as text; empty for those.
        options: all of them.
    """

    axis: str
    value: str
    options: SweepOptions

    @property
    def folder(self) -> str:
        """A name for the encoders of this point."""
        if self.axis.split(".")[0] not in TRAINING_OPTIONS:
            return "base"
        text = f"{self.axis.removeprefix('train.').removeprefix('objective_options.')}={self.value}"
        return "".join(letter if letter.isalnum() or letter in "._=-" else "-" for letter in text)

    @property
    def views(self) -> tuple[str, str]:
        """Names of the views of public images and of crops; equal names are equal views."""
        options = self.options
        crop: str = options.crop
        if options.crop == "corner":
            crop = f"corner-{options.corner}-{options.corner_fraction:g}"
        fraction = f"{options.centre_fraction:g}"
        return f"public-{fraction}", f"{crop}-{options.min_crop_px:g}-{fraction}"


def sweep_points(options: SweepOptions) -> list[Setting]:
    """Return the base settings, then one point for each value of every varied option.

    Raises:
        ImprintError: an option that cannot be varied, without values, or named twice; or a value
            that does not suit it.
    """
    base = dataclasses.replace(options, vary=())
    points = [Setting(EPOCHS, "", base)]
    names = [name for name, _ in options.vary]
    for name, values in options.vary:
        if names.count(name) > 1:
            raise ImprintError(f"--vary names {name} twice: give all of its values at once")
        separator = BAR if BAR in values else ":"
        texts = [text.strip() for text in values.split(separator) if text.strip()]
        if not texts:
            raise ImprintError(f"--vary {name}={values} has no value: separate them with colons")
        points += [Setting(name, text, varied(base, name, text)) for text in dict.fromkeys(texts)]
    return [dataclasses.replace(point, options=_with_layer(point.options)) for point in points]


def _with_layer(options: SweepOptions) -> SweepOptions:
    return dataclasses.replace(
        options, layer=searched_layer(options, bool(options.train.projector))
    )


def varied(options: SweepOptions, name: str, text: str) -> SweepOptions:
    """Return options with one of them changed.

    Args:
        options: of the sweep.
        name: a dotted path, ``train.objective_options.temperature``.
        text: its value, read as on the command line.

    Raises:
        ImprintError: no such option, one that cannot be varied, or a value that does not suit it.
    """
    if name.split(".")[0] not in (*ATTACK_OPTIONS, *TRAINING_OPTIONS) or name == "train":
        raise ImprintError(
            f"--vary cannot vary {name!r}: choose {', '.join(ATTACK_OPTIONS)}, per_class, seed or "
            "an option that begins with train., such as train.architecture or "
            "train.objective_options.NAME"
        )
    changed = _replaced(options, name.split("."), text, name)
    assert isinstance(changed, SweepOptions)
    return changed


def _replaced(options: Any, path: list[str], text: str, name: str) -> Any:
    head, rest = path[0], path[1:]
    known = {field.name for field in dataclasses.fields(options)}
    if head not in known:
        raise ImprintError(
            f"--vary: there is no option {name!r}; known there: {', '.join(sorted(known))}"
        )
    old = getattr(options, head)
    if dataclasses.is_dataclass(old) and rest:
        return dataclasses.replace(options, **{head: _replaced(old, rest, text, name)})
    if head.endswith("_options") and len(rest) == 1:
        return dataclasses.replace(options, **{head: tuple({**dict(old), rest[0]: text}.items())})
    if rest or dataclasses.is_dataclass(old) or isinstance(old, tuple):
        raise ImprintError(f"--vary {name}: name one option with one value")
    kind = get_type_hints(type(options))[head]
    return dataclasses.replace(options, **{head: _read(kind, text, name)})


def _read(kind: Any, text: str, name: str) -> Any:
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise ImprintError(
                f"--vary {name}={text}: choose from {', '.join(map(str, get_args(kind)))}"
            )
        return text
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ImprintError(f"--vary {name}={text}: it must be true or false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ImprintError(f"--vary {name}={text}: it must be {kind.__name__}") from None


def encoder_folders(points: Sequence[Setting]) -> list[str]:
    """Return the folder of each point's encoders; points of equal encoders share one."""
    folders: dict[tuple[int, int, TrainOptions], str] = {}
    return [
        folders.setdefault(
            (point.options.per_class, point.options.seed, point.options.train), point.folder
        )
        for point in points
    ]


def check_networks(images: ImageSet, points: Sequence[Setting]) -> None:
    """Build the network and the objective of every point, before any of them trains.

    Raises:
        ImprintError: one that cannot be built, or lacks the layer to be attacked.
    """
    for point in points:
        choice, seed = point.options.train, point.options.seed
        fresh = initial_model(make_card(images, choice, seed), seed)
        if point.options.layer == "projector" and not fresh.has_projector:
            where = f" at {point.axis}={point.value}" if point.value else ""
            raise ImprintError(
                f"the network has no projector{where}: choose --layer backbone, or widths with "
                "--train.projector"
            )
        build_objective(choice.objective, fresh, dict(choice.objective_options))
