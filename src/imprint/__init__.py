"""What training data left in a neural network, and how much of that network its tests reach.

The public names below are imported on first use, so ``import imprint`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "ImprintError": "imprint.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'imprint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
