"""A network in int8: weights, or weights and activations, as it would run on a small device.

``dynamic`` keeps the weights of linear layers in int8 and quantises their inputs as they come;
``x86`` and ``qnnpack`` are the static schemes of torch for servers and for phones, whose ranges of
activations are those of a few calibration images. The engines round differently, so that which one
is used is part of what is tested. int8 runs on the CPU.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel

Scheme = Literal["dynamic", "x86", "qnnpack"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


class QuantisedModel:
    """Logits of a network in int8.

    Args:
        model: the network in float32, with logits; it stays as it is.
        scheme: how it is quantised.
        calibration: float32 ``[n, channels, H, W]`` in [0, 1], such images as it will see.

    Raises:
        ImprintError: torch cannot quantise it.
    """

    def __init__(self, model: ImageModel, scheme: Scheme, calibration: Tensor) -> None:
        self.scheme = scheme
        self._engine = "x86" if scheme == "dynamic" else scheme
        if self._engine not in torch.backends.quantized.supported_engines:
            raise ImprintError(
                f"this build of torch has no int8 engine {self._engine}: choose another --int8"
            )
        self._model = copy.deepcopy(model).cpu().eval()
        logits = _Logits(self._model)
        with self._on_engine(), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._logits = _quantised(logits, scheme, self._normalised(calibration))
                self(calibration[:1])
            except Exception as error:  # tracing runs any code of the network
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise ImprintError(
                    f"torch cannot quantise this network by {scheme} ({reason}): choose another "
                    "--int8, or give a quantised model's float copy by --against"
                ) from error

    def __call__(self, images: Tensor) -> Tensor:
        """Return logits, float32 ``[b, outputs]`` on the CPU.

        Args:
            images: float32 ``[b, channels, H, W]`` in [0, 1], on any device.
        """
        with self._on_engine(), torch.no_grad():
            logits: Tensor = self._logits(self._normalised(images))
        return logits

    def _normalised(self, images: Tensor) -> Tensor:
        return self._model.normalise(images.cpu()).contiguous()

    @contextmanager
    def _on_engine(self) -> Iterator[None]:
        before = torch.backends.quantized.engine
        torch.backends.quantized.engine = self._engine
        try:
            yield
        finally:
            torch.backends.quantized.engine = before


class _Logits(nn.Module):
    """From normalised images to logits."""

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        self.network, self.projector, self.head = model.network, model.projector, model.head

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        if self.head is None:
            return self.network(images)  # type: ignore[no-any-return]
        return self.head(self.projector(self.network.features(images)))  # type: ignore[no-any-return]


def _quantised(logits: nn.Module, scheme: Scheme, calibration: Tensor) -> nn.Module:
    from torch.ao.quantization import get_default_qconfig_mapping, quantize_dynamic
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    if scheme == "dynamic":
        return quantize_dynamic(logits, {nn.Linear})  # type: ignore[no-any-return, no-untyped-call]
    prepared = prepare_fx(logits, get_default_qconfig_mapping(scheme), (calibration[:1],))
    prepared(calibration)
    return convert_fx(prepared)
