"""Files of weights, and folders of transformers, as predictors.

A card that names an architecture of token ids (:mod:`imprint.nets.text.text_card`) makes a
classifier of texts. With ``package.module:function`` and no card, the function returns a network of
any modality, which the weights must fill. Else the file is read as everywhere in imprint
(:mod:`imprint.nets.load`): an image model by its card or its published layout.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_code import import_function, taken_by
from imprint.nets.bounded import bounded_by
from imprint.nets.checkpoint import SUFFIXES, plain_names, read_weights
from imprint.nets.load import NetworkFile
from imprint.nets.outputs import OutputRule
from imprint.nets.predictor.module import ModulePredictor
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings
from imprint.nets.predictor.transformers_model import classifies_text, load_text_model
from imprint.nets.save import card_file
from imprint.nets.text.text_card import load_text_network, text_card_beside

PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".sav")
SIZES = ("channels", "outputs", "input_size")


def _load(source: Any, settings: ModelSettings) -> ModulePredictor:
    path = Path(source)
    if not path.exists():
        raise ImprintError(f"there is no model at {path}: check the path")
    if path.is_dir() and classifies_text(path):
        return load_text_model(path, settings)
    if ":" in settings.arch and not settings.card and not card_file(path).is_file():
        return _predictor(load_any(path, settings), path, settings)
    text_card = None if settings.card or settings.arch else text_card_beside(path)
    if text_card is not None:
        return _predictor(load_text_network(path, text_card), path, settings)
    stated = {**settings.card, **({"architecture": settings.arch} if settings.arch else {})}
    model = NetworkFile(path, stated).load(settings.device)
    if not model.has_logits:
        raise ImprintError(
            f"{path} holds an encoder without a classifier: audit it with imprint dejavu two-model "
            "or imprint coverage measure, or give a classifier"
        )
    return _predictor(model, path, settings)


def load_any(path: Path, settings: ModelSettings) -> nn.Module:
    """Return the network that a function of the user builds, filled with the weights of a file.

    Args:
        path: of the weights.
        settings: with the name of the function.

    Raises:
        ImprintError: no such function, one without the user's consent, or weights that do not fill
            its network.
    """
    weights = read_weights(path)
    function = import_function(settings.arch, "architecture")
    sizes = {name: settings.card[name] for name in SIZES if name in settings.card}
    try:
        with torch.random.fork_rng(devices=[]), bounded_by(weights, f"the network {settings.arch}"):
            module = function(**taken_by(function, sizes))
    except ImprintError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise ImprintError(
            f"{settings.arch} failed with {named_reason(error)}; it must return the "
            "network without being given arguments"
        ) from error
    if not isinstance(module, nn.Module):
        raise ImprintError(
            f"{settings.arch} must return a torch.nn.Module, it returned {type(module).__name__}"
        )
    places = module.state_dict()
    try:
        module.load_state_dict(plain_names(weights, places.keys()))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ImprintError(
            f"{path} does not hold the weights of {settings.arch}: {reason}"
        ) from error
    return module


def _predictor(module: nn.Module, path: Path, settings: ModelSettings) -> ModulePredictor:
    return ModulePredictor(
        module.to(settings.device).eval(),
        settings.name or path.name,
        settings.kind or "logits",
        OutputRule(entry=settings.output),
        settings.kind is not None,
    )


def _is_file_of_weights(model: Any) -> bool:
    if not isinstance(model, str | os.PathLike):
        return False
    path = Path(model)
    return path.suffix.lower() in SUFFIXES or path.is_dir()


def _refuse_pickle(model: Any, settings: ModelSettings) -> ModulePredictor:
    raise ImprintError(
        f"{model} is a pickle, and reading one runs whatever it holds: load it in Python, where "
        "you trust it, and give the object to imprint.audit"
    )


ADAPTERS.register("checkpoint")(
    Adapter(_is_file_of_weights, _load, 30, "a file of weights or a folder of transformers")
)
ADAPTERS.register("pickle")(
    Adapter(
        lambda model: isinstance(model, str | os.PathLike) and Path(model).suffix in PICKLES,
        _refuse_pickle,
        31,
        "no pickle",
    )
)
