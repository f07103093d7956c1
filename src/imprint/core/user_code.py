"""Functions of the user, ``package.module:function``: which of them may be called.

A card beside downloaded weights and a YAML file of options may come from anyone, and importing a
module runs it. So such a name is followed only where the user gave consent: by typing that very
name on the command line, by ``--trust-code``, or by :func:`trust_code` from Python. Modules of the
standard library and of the libraries that imprint builds on are never called by a name in a file:
``torch.hub:load`` and ``os:system`` fetch and run whatever their arguments say.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from imprint.core.errors import ImprintError, named_reason

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

_LIBRARY_NAMES = (
    "torch torchvision timm transformers huggingface_hub tokenizers diffusers accelerate "
    "peft datasets safetensors captum lightning triton joblib numpy scipy sklearn pandas "
    "pyarrow numba matplotlib PIL yaml imprint tensorflow setuptools pip requests urllib3 "
    "cffi"
)
LIBRARIES = frozenset(_LIBRARY_NAMES.split())
"""Packages, beside the standard library, whose functions are no builders of a user's."""

_trusted: set[str] = set()
_everything = False


def trust_code(*names: str) -> None:
    """Let files name these functions from now on; without names, any function of the user.

    Args:
        names: ``package.module:function`` each.
    """
    global _everything
    _everything = _everything or not names
    _trusted.update(names)


def trust_typed(words: Iterable[str]) -> None:
    """Take every function that the user typed on the command line as consented to."""
    values = (word.partition("=")[2] if word.startswith("--") else word for word in words)
    _trusted.update(name for value in values for name in _names_in(value))


def consent() -> tuple[bool, tuple[str, ...]]:
    """Return what the user consented to, for :func:`restore_consent` in a worker process."""
    return _everything, tuple(sorted(_trusted))


def restore_consent(consent: tuple[bool, tuple[str, ...]]) -> None:
    """Consent to what :func:`consent` returned in another process, and to nothing else."""
    global _everything
    _everything = consent[0]
    _trusted.clear()
    _trusted.update(consent[1])


def import_function(name: str, what: str) -> Callable[..., Any]:
    """Return the function ``package.module:function``, importing its module.

    Args:
        name: of the function.
        what: what it is asked for, such as ``"architecture"``, for messages.

    Raises:
        ImprintError: no such name, a library's, one without the user's consent, or no such module
            or function.
    """
    source, _, function = name.partition(":")
    if not _NAME.fullmatch(name):
        raise ImprintError(
            f"{what} {name!r} is not the name of a function: write it as package.module:function"
        )
    package = source.partition(".")[0]
    if package in LIBRARIES or package in sys.stdlib_module_names:
        raise ImprintError(
            f"refused the {what} {name!r}: functions of {package} are not called by name; write a "
            "function of your own that returns the network"
        )
    if not (_everything or name in _trusted):
        raise ImprintError(
            f"refused the {what} {name!r}, which is code that a file names: if you trust it, add "
            "--trust-code, or type the name on the command line (Python: imprint.trust_code)"
        )
    try:
        module = importlib.import_module(source)
    except ImportError as error:
        raise ImprintError(
            f"cannot import {source!r} for the {what} {name!r} ({error}): check the name, or put "
            "the module's folder on PYTHONPATH, as in PYTHONPATH=. imprint …"
        ) from error
    except Exception as error:
        raise ImprintError(
            f"importing {source!r} for the {what} {name!r} failed with {named_reason(error)}"
        ) from error
    called = getattr(module, function, None)
    if not callable(called):
        raise ImprintError(f"module {source!r} has no function {function!r}")
    return called  # type: ignore[no-any-return]  # callable() tells mypy nothing of the result


def check_options(function: Callable[..., Any], name: str, options: Mapping[str, Any]) -> None:
    """Check that every option is a parameter that the signature of a function spells out.

    Raises:
        ImprintError: one is not; the message names those there are.
    """
    known = parameters_of(function)
    unknown = next((option for option in options if option not in known), None)
    if unknown is not None:
        raise ImprintError(
            f"{name} has no option {unknown!r}; it has: {', '.join(sorted(known)) or 'none'}"
        )


def parameters_of(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the parameters that can be given by name, without ``**options``."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(part.name for part in parameters if part.kind in kinds)


def taken_by(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those of some arguments that a function takes by name: all where it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return dict(arguments)
    if any(part.kind is inspect.Parameter.VAR_KEYWORD for part in parameters):
        return dict(arguments)
    known = parameters_of(function)
    return {name: value for name, value in arguments.items() if name in known}


def _names_in(value: str) -> list[str]:
    """Return the names of functions in a word: the word itself, or parts between , = and |."""
    return [part for part in re.split(r"[,=|]", value) if _NAME.fullmatch(part)]
