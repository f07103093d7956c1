"""Packages that imprint needs for single tasks alone, imported when one is done."""

from __future__ import annotations

import importlib
import os
from typing import Any

from imprint.core.errors import ImprintError

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "0"}
"""Settings under which TensorFlow starts without news; it is used to read files alone."""

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
"""Settings under which the libraries of Hugging Face, and timm with them, fetch nothing."""


def go_offline() -> None:
    """Keep Hugging Face's libraries from the network; they read this when they are imported."""
    for name in OFFLINE:
        os.environ[name] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def import_tensorflow() -> Any:
    """Return the module tensorflow, imported without its lines of news on standard error.

    Raises:
        ImprintError: it is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import tensorflow
    except ImportError as error:
        raise ImprintError(
            f"TensorFlow cannot be imported ({error}): pip install 'imprint[tf]'"
        ) from error
    return tensorflow


def import_transformers() -> Any:
    """Return the module transformers, imported without its news and progress on standard error.

    Raises:
        ImprintError: it is not installed.
    """
    go_offline()
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise ImprintError(
            f"transformers cannot be imported ({error}): pip install 'imprint[models]'"
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def import_diffusers() -> Any:
    """Return the module diffusers, imported without its news on standard error.

    Raises:
        ImprintError: it is not installed.
    """
    go_offline()
    try:
        diffusers: Any = importlib.import_module("diffusers")
    except ImportError as error:
        raise ImprintError(
            f"diffusers cannot be imported ({error}): pip install 'imprint[diffusion]'"
        ) from error
    diffusers.logging.set_verbosity_error()
    return diffusers


def import_art() -> Any:
    """Return the module art, the Adversarial Robustness Toolbox.

    Raises:
        ImprintError: it is not installed.
    """
    try:
        import art
    except ImportError as error:
        raise ImprintError(
            f"the Adversarial Robustness Toolbox cannot be imported ({error}): "
            "pip install 'imprint[attacks]'"
        ) from error
    return art


def import_pycocotools() -> Any:
    """Return the package pycocotools with its modules ``coco`` and ``cocoeval``.

    Raises:
        ImprintError: it is not installed.
    """
    try:
        for name in ("coco", "cocoeval"):
            importlib.import_module(f"pycocotools.{name}")
        return importlib.import_module("pycocotools")
    except ImportError as error:
        raise ImprintError(
            f"pycocotools cannot be imported ({error}): pip install 'imprint[detection]'"
        ) from error
