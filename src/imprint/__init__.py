"""What training data left in a neural network, and how much of that network its tests reach.

One namespace a lens, arrays in and findings out: :mod:`imprint.dejavu`, :mod:`imprint.membership`,
:mod:`imprint.leave_one_out` and :mod:`imprint.coverage`. These and the names below are imported on
first use, so ``import imprint`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "ArrayImages": "imprint.data.imageset",
    "AuditOptions": "imprint.audits.options",
    "Estimate": "imprint.stats",
    "ImprintError": "imprint.core.errors",
    "ImageModel": "imprint.nets.image_model",
    "composite": "imprint.data.sources.composite",
    "embed": "imprint.probe.embeddings",
    "load_model": "imprint.nets.load",
    "log_findings": "imprint.report.loggers",
    "nearest": "imprint.neighbors.nearest",
    "open_images": "imprint.data.open",
    "audit": "imprint.audits.own_audit",
    "run_audit": "imprint.audits.run",
    "trust_code": "imprint.core.user_code",
}

_NAMESPACES = ("coverage", "dejavu", "leave_one_out", "membership")

__all__ = ["__version__", *_NAMESPACES, *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return import_module(f"imprint.{name}")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'imprint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
