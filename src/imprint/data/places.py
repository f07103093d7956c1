"""What a user may write for where images are: a path, ``hf:FOLDER``, or a pattern of shards."""

from __future__ import annotations

from pathlib import Path

from imprint.data.shards.braces import has_braces

HUGGING_FACE = "hf:"
CHOICES = "#"
"""Between a folder and what is chosen in it: ``hf:cifar100#label=fine_label``."""


def as_layout(place: Path, layout: str) -> tuple[Path, str]:
    """Return a place without its prefix, and the layout that the prefix says.

    >>> as_layout(Path("hf:pets"), "auto")[1]
    'huggingface'
    """
    text = str(place)
    if not text.startswith(HUGGING_FACE) or place.exists():
        return place, layout
    return Path(text.removeprefix(HUGGING_FACE)), "huggingface"


def is_there(place: Path) -> bool:
    """Return whether there is something at a place; of patterns of shards their layout says it."""
    return place.exists() or has_braces(str(place)) or folder_of(place).exists()


def folder_of(place: Path) -> Path:
    """Return a place without what is chosen in it."""
    return place if place.exists() else Path(str(place).partition(CHOICES)[0])


def as_absolute(place: str) -> str:
    """Return a place that is found from any folder."""
    path, layout = as_layout(Path(place), "")
    return f"{HUGGING_FACE if layout else ''}{path.resolve()}"
