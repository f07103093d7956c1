"""Packages that imprint needs for single tasks alone, imported when one is done."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
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


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Keep Hugging Face's libraries from the network, even if they were imported before.

    A configuration may name a backbone on their hub, which ``local_files_only`` does not reach.
    """
    go_offline()
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def import_tensorflow() -> Any:
    """Return the module tensorflow, imported without its lines of news on standard error.

    Raises:
        ImprintError: it is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    return _import("tensorflow", "TensorFlow", "tf")


def import_transformers() -> Any:
    """Return the module transformers, imported without its news and progress on standard error.

    Raises:
        ImprintError: it is not installed.
    """
    go_offline()
    transformers = _import("transformers", "transformers", "models")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def import_diffusers(extra: str = "diffusion") -> Any:
    """Return the module diffusers, imported without its news on standard error.

    Args:
        extra: of imprint that brings it, for the message.

    Raises:
        ImprintError: it is not installed.
    """
    go_offline()
    diffusers = _import("diffusers", "diffusers", extra)
    diffusers.logging.set_verbosity_error()
    return diffusers


def import_art() -> Any:
    """Return the module art, the Adversarial Robustness Toolbox.

    Raises:
        ImprintError: it is not installed.
    """
    return _import("art", "the Adversarial Robustness Toolbox", "attacks")


def import_pycocotools() -> Any:
    """Return the package pycocotools with its modules ``coco`` and ``cocoeval``.

    Raises:
        ImprintError: it is not installed.
    """
    package = _import("pycocotools", "pycocotools", "detection")
    for name in ("coco", "cocoeval"):
        _import(f"pycocotools.{name}", "pycocotools", "detection")
    return package


def _import(module: str, spoken: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImprintError(
            f"{spoken} cannot be imported ({error}): pip install 'imprint[{extra}]'"
        ) from error
