"""Networks of other libraries: timm, torchvision, transformers."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError, reason_of
from imprint.core.extras import go_offline, offline
from imprint.core.user_code import check_options
from imprint.nets.backbone import Backbone
from imprint.nets.registry import LIBRARIES
from imprint.nets.wrapped import Wrapped, call

_PLAIN_NAME = re.compile(r"[\w.\-]+")
_NOT_OPTIONS = frozenset(
    [
        "architectures",
        "attn_implementation",
        "auto_map",
        "dtype",
        "model_type",
        "quantization_config",
        "torch_dtype",
        "transformers_version",
    ]
)
"""Values of a configuration that choose code, not a network."""
_COUNTS_LAYERS = re.compile(r"(layers?|depths?|blocks?|stages?)$")
MAX_LAYERS = 2048
"""Of any kind in a configuration: each takes a millisecond to build, weights or not."""
TORCHVISION_CLASSIFIERS = ("fc", "classifier", "head", "heads")


@LIBRARIES.register("timm")
def from_timm(
    name: str, channels: int, outputs: int | None, input_size: int, options: Mapping[str, Any]
) -> Backbone:
    """Return a network of timm, without downloading weights.

    Raises:
        ImprintError: timm is missing, or refuses the name or the options.
    """
    timm = _library("timm", f"timm:{name}")
    if not _PLAIN_NAME.fullmatch(name) or not timm.is_model(name):
        raise ImprintError(f"timm has no network {name!r}: timm.list_models() lists those it has")
    sizes = {"pretrained": False, "num_classes": outputs or 0, "in_chans": channels}
    try:
        module = timm.create_model(name, **sizes)
        if options:
            check_options(type(module), f"timm:{name}", options)
            module = timm.create_model(name, **sizes, **options)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ImprintError(f"timm cannot build {name!r}: {error}") from error
    classifier = None
    if outputs is not None:
        classifier = _path_of(module.get_classifier(), module)
    return Wrapped(module, channels, input_size, _timm_features, call, classifier)


@LIBRARIES.register("torchvision")
def from_torchvision(
    name: str, channels: int, outputs: int | None, input_size: int, options: Mapping[str, Any]
) -> Backbone:
    """Return a network of torchvision, without downloading weights.

    Raises:
        ImprintError: torchvision is missing or broken, refuses the name or the options, or the
            images have one channel.
    """
    if channels != 3:
        raise ImprintError(
            f"torchvision:{name} takes 3-channel images, not {channels}-channel ones: "
            "use one of imprint's own architectures"
        )
    models = _library("torchvision.models", f"torchvision:{name}")
    # Networks of other tasks fetch the weights of their backbones, whatever `weights` says.
    if name not in models.list_models(module=models):
        raise ImprintError(
            f"torchvision has no classifier {name!r}: "
            "torchvision.models.list_models(module=torchvision.models) lists those it has"
        )
    sizes = {} if outputs is None else {"num_classes": outputs}
    try:
        module = models.get_model(name, weights=None, **sizes)
        if options:
            check_options(type(module), f"torchvision:{name}", options)
            module = models.get_model(name, weights=None, **sizes, **options)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ImprintError(f"torchvision cannot build {name!r}: {error}") from error
    classifier = next((path for path in TORCHVISION_CLASSIFIERS if hasattr(module, path)), None)
    if classifier is None:
        raise ImprintError(f"torchvision:{name} does not classify images: choose one that does")
    if outputs is None:
        setattr(module, classifier, nn.Identity())
        return Wrapped(module, channels, input_size, call, call)
    return Wrapped(module, channels, input_size, classifier, call, classifier)


@LIBRARIES.register("transformers")
def from_transformers(
    folder: str, channels: int, outputs: int | None, input_size: int, options: Mapping[str, Any]
) -> Backbone:
    """Return the image model that a folder of Hugging Face's layout describes, weights fresh.

    Its features are ``pooler_output``; the first token of the last layer where there is no pooler,
    or a dense one, which most vision checkpoints leave untrained.

    Args:
        folder: holds ``config.json``, and the weights where they are asked for.
        channels: of the images.
        outputs: of the classifier, or None for the model that ends in its features.
        input_size: side of the images in pixels.
        options: ``pretrained`` true starts from the folder's weights; the others replace values
            of the configuration. None makes code of the folder run.

    Raises:
        ImprintError: transformers or the folder is missing, the folder holds no such model, or
            the model has no such option.
    """
    if not Path(folder).is_dir():
        raise ImprintError(
            f"no folder {folder!r} for transformers:{folder}: download the model there first"
        )
    changes = dict(options)
    pretrained = changes.pop("pretrained", False)
    if not isinstance(pretrained, bool):
        raise ImprintError(f"pretrained must be true or false, got {pretrained!r}")
    module, _ = load_transformers(folder, outputs, pretrained, changes)
    if outputs is None:
        return Wrapped(module, channels, input_size, _transformers_features, _transformers_logits)
    linear = [path for path, part in module.named_modules() if isinstance(part, nn.Linear)]
    # Of a classifier that is no head on a base model of its own, what the head is given.
    read = linear[-1] if module.base_model is module else _transformers_features
    return Wrapped(module, channels, input_size, read, _transformers_logits, linear[-1])


def load_transformers(
    folder: str,
    outputs: int | None,
    pretrained: bool = True,
    options: Mapping[str, Any] | None = None,
    kind: str = "",
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Return the model of a folder, and what transformers reports of filling it.

    Args:
        folder: holds ``config.json`` and, where they are asked for, weights as safetensors.
        outputs: of the classifier, or None for the model that ends in its features.
        pretrained: whether the folder's weights fill it.
        options: replace values of the configuration.
        kind: the class of transformers that loads it; empty for an image model.

    Raises:
        ImprintError: transformers is missing, or the folder holds no such model.
    """
    transformers = _library("transformers", f"transformers:{folder}")
    images = "AutoModel" if outputs is None else "AutoModelForImageClassification"
    kind = kind or images
    changes = {**(options or {}), **({} if outputs is None else {"num_labels": outputs})}
    try:
        with offline():
            return _transformers_model(
                transformers, getattr(transformers, kind), folder, pretrained, changes
            )
    except ImprintError:
        raise
    except Exception as error:  # transformers raises nearly anything on a damaged folder
        reason = reason_of(error)
        if "ignore_mismatched_sizes" in reason:  # it points to a report that is not printed
            reason = "its weights have other shapes than its config.json says"
        raise ImprintError(
            f"transformers cannot load {'a model' if kind != images else 'an image model'} from "
            f"{folder}: {reason}; save it again with save_pretrained"
        ) from error


def _library(name: str, wanted_by: str) -> Any:
    package = name.split(".")[0]
    go_offline()
    try:
        importlib.import_module(package)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise _broken(package, wanted_by, error) from error
        raise ImprintError(
            f"{wanted_by} needs the package {package}: pip install {package}"
        ) from error
    except Exception as error:
        raise _broken(package, wanted_by, error) from error


def _broken(package: str, wanted_by: str, error: Exception) -> ImprintError:
    reason = reason_of(error)
    return ImprintError(
        f"{wanted_by} needs the package {package}, which is installed but cannot be imported "
        f"({reason}): install the version made for torch {torch.__version__}"
    )


def _path_of(part: nn.Module, module: nn.Module) -> str:
    paths: dict[int, str] = {id(inner): path for path, inner in module.named_modules()}
    return paths[id(part)]


def _timm_features(module: Any, images: Tensor) -> Tensor:
    features: Tensor = module.forward_head(module.forward_features(images), pre_logits=True)
    return features


def _transformers_model(
    transformers: Any, loader: Any, folder: str, pretrained: bool, changes: Mapping[str, Any]
) -> tuple[nn.Module, Mapping[str, Any]]:
    local = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(folder, **local)
    known = {name for name in config.to_dict() if not name.startswith("_")} - _NOT_OPTIONS
    unknown = next((name for name in changes if name not in {*known, "num_labels"}), None)
    if unknown is not None:
        raise ImprintError(f"the model in {folder} has no option {unknown!r}")
    config = transformers.AutoConfig.from_pretrained(folder, **local, **changes)
    _check_layers(config.to_dict(), folder)
    attention = getattr(config, "_attn_implementation", None)
    if attention not in (None, "eager", "sdpa"):
        raise ImprintError(
            f"the model in {folder} needs the attention {attention!r}, which transformers would "
            "fetch: set attn_implementation in its config.json to sdpa or eager"
        )
    report: Mapping[str, Any] = {}
    if pretrained:
        verbosity = transformers.logging.get_verbosity()
        transformers.logging.set_verbosity_error()  # what was not filled is in the report
        transformers.logging.disable_progress_bar()
        try:
            module, report = loader.from_pretrained(
                folder, config=config, use_safetensors=True, output_loading_info=True, **local
            )
        finally:
            transformers.logging.set_verbosity(verbosity)
    else:
        module = loader.from_config(config, trust_remote_code=False)
    # Inputs are float32, and so are weights, whatever the configuration says.
    made: nn.Module = module.float()
    return made, report


def _check_layers(config: Mapping[str, Any], folder: str) -> None:
    """Check that a configuration asks for no more layers than can be built."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            _check_layers(value, folder)
        elif _COUNTS_LAYERS.search(str(name)):
            counts = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(each, int | float) and each > MAX_LAYERS for each in counts):
                raise ImprintError(
                    f"the config.json in {folder} states {name} {value}: {MAX_LAYERS:,} is the "
                    "most that is built"
                )


def _transformers_features(module: Any, images: Tensor) -> Tensor:
    base = module.base_model
    result = base(pixel_values=images)
    pooler = getattr(base, "pooler", None)
    dense = isinstance(pooler, nn.Module) and any(True for _ in pooler.parameters())
    pooled: Tensor | None = getattr(result, "pooler_output", None)
    if pooled is None or dense:
        tokens: Tensor = result.last_hidden_state
        return tokens[:, 0]
    return pooled


def _transformers_logits(module: Any, images: Tensor) -> Tensor:
    logits: Tensor = module(pixel_values=images).logits
    return logits
