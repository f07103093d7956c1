"""Any module as a :class:`Backbone`: features and outputs of networks that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError, named_reason, reason_of
from imprint.core.user_code import check_options, import_function, taken_by
from imprint.nets.backbone import Backbone
from imprint.nets.outputs import OutputRule

Read = Callable[[nn.Module, Tensor], Any]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Wrapped(Backbone):
    """Any module as a :class:`Backbone`; its checkpoints keep the module's parameter names.

    Args:
        module: a network on images.
        channels: of the images.
        input_size: side of the images; ``feature_width`` is measured on one black image.
        read_features: (module, images) → features, flattened behind the batch axis; or the dotted
            name of the submodule whose input they are.
        read_outputs: (module, images) → what holds the outputs ``[b, outputs]``.
        classifier: dotted name of the submodule behind the features, None for none.
        rule: how the outputs are picked from what ``read_outputs`` returns.
        has_outputs: whether the module ends in outputs; None where a classifier says so.
    """

    def __init__(
        self,
        module: nn.Module,
        channels: int,
        input_size: int,
        read_features: Read | str,
        read_outputs: Read,
        classifier: str | None = None,
        rule: OutputRule | None = None,
        has_outputs: bool | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self.rule = rule or OutputRule()
        self.read_features = read_features
        self.read_outputs = read_outputs
        self.classifier_path = classifier
        self._has_outputs = classifier is not None if has_outputs is None else has_outputs
        features = _on_black_image(self.features, module, channels, input_size)
        self.feature_width = features.shape[1]

    @property
    def classifier(self) -> nn.Module | None:
        """The wrapped module's classifier, or None."""
        return self.module.get_submodule(self.classifier_path) if self.classifier_path else None

    @property
    def has_outputs(self) -> bool:
        """Whether the module ends in outputs, and not in its features."""
        return self._has_outputs

    @property
    def published(self) -> nn.Module:
        """The wrapped module, whose checkpoints these are."""
        return self.module

    def features(self, images: Tensor) -> Tensor:
        """Return the features ``[b, d]``, flattened behind the batch axis."""
        if callable(self.read_features):
            # Without outputs the output is the features, and the user may have named it.
            rule = OutputRule() if self.has_outputs else self.rule
            return rule.pick(self.read_features(self.module, images)).flatten(1)
        with input_of(self.module, self.read_features) as inputs:
            self.read_outputs(self.module, images)
        return _as_rows(inputs[-1], self.module.get_submodule(self.read_features))

    def features_and_outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``[b, d]`` and outputs ``[b, outputs]``."""
        if callable(self.read_features):
            return self.features(images), self.forward(images)
        with input_of(self.module, self.read_features) as inputs:
            outputs = self.rule.pick(self.read_outputs(self.module, images))
        return _as_rows(inputs[-1], self.module.get_submodule(self.read_features)), outputs

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs ``[b, outputs]``, or the features where there are none."""
        if not self.has_outputs:
            return self.features(images)
        return self.rule.pick(self.read_outputs(self.module, images))


def as_backbone(
    module: nn.Module, channels: int, input_size: int, rule: OutputRule | None = None
) -> Backbone:
    """Return any network as a :class:`Backbone`.

    A module with ``features`` is asked for them. Of any other that classifies, the features are the
    input of the linear layer that gives the output, else of the last linear layer that runs or,
    without one, of the last convolution, averaged over its places.

    Args:
        module: maps images ``[b, channels, H, W]`` to ``[b, …]``, or to what holds that.
        channels: of the images.
        input_size: side of the images in pixels.
        rule: how the output is picked from what the module returns. With its ``outputs`` the
            output is logits; without, it is the features, unless the module has ``features`` and a
            ``classifier``.

    Raises:
        ImprintError: the module does not take such images, gives other outputs, or which entry of
            what it returns is the output is not clear.
    """
    rule = rule or OutputRule()
    if isinstance(module, Backbone):
        return module
    own = callable(getattr(module, "features", None))
    named = isinstance(getattr(module, "classifier", None), nn.Module)
    if rule.outputs is None:
        if not own:
            return Wrapped(module, channels, input_size, call, call, rule=rule)
        classifier = "classifier" if named else None
        return Wrapped(module, channels, input_size, call_features, call, classifier, rule)
    last = _last_layer(module, channels, input_size, rule)
    read = call_features if own else last or partial(_pick_output, rule)
    linear = last if last and isinstance(module.get_submodule(last), nn.Linear) else None
    classifier = "classifier" if own and named else linear
    return Wrapped(module, channels, input_size, read, call, classifier, rule, has_outputs=True)


def from_function(
    source: str,
    name: str,
    channels: int,
    outputs: int | None,
    input_size: int,
    options: Mapping[str, Any],
    output: str = "",
) -> Backbone:
    """Return the network that the user's function ``source:name`` builds.

    It is given ``channels``, ``outputs`` and ``input_size`` as far as its signature has them, and
    the options. Its output is the entry ``output`` of what it returns
    (:mod:`imprint.nets.outputs`).

    Raises:
        ImprintError: no such module or function, the user did not consent to it
            (:mod:`imprint.core.user_code`), it refuses the arguments, or returns no module.
    """
    where = f"{source}:{name}"
    function = import_function(where, "architecture")
    check_options(function, f"architecture {where!r}", options)
    sizes = {"channels": channels, "outputs": outputs, "input_size": input_size}
    arguments = {**taken_by(function, sizes), **options}
    try:
        module = function(**arguments)
    except TypeError as error:
        raise ImprintError(
            f"{where} cannot be called with {', '.join(arguments) or 'no arguments'}: {error}; "
            "it may take any of channels, outputs and input_size, and options of the card"
        ) from error
    except ImprintError:
        raise
    except Exception as error:
        raise ImprintError(
            f"{where} failed with {named_reason(error)}; correct it, or the card's options"
        ) from error
    if not isinstance(module, nn.Module):
        raise ImprintError(
            f"{where} must return a torch.nn.Module, it returned {type(module).__name__}"
        )
    return as_backbone(module, channels, input_size, OutputRule(outputs, output))


def call(module: nn.Module, images: Tensor) -> Any:
    """Return what the module gives."""
    return module(images)


def call_features(module: nn.Module, images: Tensor) -> Any:
    """Return what the module's own ``features`` gives."""
    return module.features(images)  # type: ignore[operator]  # checked by the caller


def _pick_output(rule: OutputRule, module: nn.Module, images: Tensor) -> Tensor:
    return rule.pick(module(images))


@contextmanager
def input_of(module: nn.Module, path: str) -> Iterator[list[Tensor]]:
    """Collect what the submodule at ``path`` is given while the module runs, call by call."""
    inputs: list[Tensor] = []
    handle = module.get_submodule(path).register_forward_pre_hook(
        lambda _, arguments: inputs.append(arguments[0])
    )
    try:
        yield inputs
    finally:
        handle.remove()


def _last_layer(module: nn.Module, channels: int, input_size: int, rule: OutputRule) -> str | None:
    """Return the linear layer whose result is the output, else the last linear layer that runs.

    Without a linear layer it is the last convolution, None without either.

    Raises:
        ImprintError: the module does not take such images, or gives other outputs.
    """
    ran: list[tuple[str, Any]] = []
    handles = [
        part.register_forward_hook(lambda _, __, result, path=path: ran.append((path, result)))
        for path, part in module.named_modules()
        if path and isinstance(part, (nn.Linear, *CONVOLUTIONS))
    ]
    try:
        output = _on_black_image(partial(_pick_output, rule, module), module, channels, input_size)
    finally:
        for handle in handles:
            handle.remove()
    if tuple(output.shape) != (1, rule.outputs):
        raise ImprintError(
            f"the network gives an output of shape {list(output.shape)} for one image of "
            f"{input_size} × {input_size} pixels, where its card says outputs {rule.outputs}: "
            "correct outputs on the card, null for a network that ends in its features"
        )
    paths = [path for path, _ in ran]
    linear = [path for path in paths if isinstance(module.get_submodule(path), nn.Linear)]
    giving = [path for path, result in ran if result is output and path in linear]
    return next(iter([*giving[-1:], *linear[-1:], *paths[-1:]]), None)


def _as_rows(values: Tensor, layer: nn.Module) -> Tensor:
    """Return a layer's input as features ``[b, d]``: maps of a convolution by their means."""
    return values.flatten(2).mean(2) if isinstance(layer, CONVOLUTIONS) else values.flatten(1)


def _on_black_image(
    run: Callable[[Tensor], Tensor], module: nn.Module, channels: int, input_size: int
) -> Tensor:
    """Return what comes of one black image in evaluation mode; the module's mode stays."""
    training = module.training
    module.eval()
    device = next((part.device for part in module.parameters()), None)
    black = torch.zeros(1, channels, input_size, input_size, device=device)
    try:
        with torch.no_grad():
            return run(black)
    except ImprintError:
        raise
    except Exception as error:
        reason = reason_of(error)
        raise ImprintError(
            f"the network does not take images {[channels, input_size, input_size]}: {reason}"
        ) from error
    finally:
        module.train(training)
