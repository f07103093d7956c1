"""Models of transformers: live ones, and text classifiers in folders of ``save_pretrained``.

Image models take ``pixel_values``, text models ``input_ids`` with an attention mask that leaves
out the padding token, where their configuration names one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.core.user_types import is_of
from imprint.nets.foreign import load_transformers
from imprint.nets.outputs import OutputRule
from imprint.nets.predictor.module import ModulePredictor
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings
from imprint.nets.saved_folder import check_filled, read_config

PIXELS, TOKENS = "pixel_values", "input_ids"
CLASSIFIES_TEXT = "ForSequenceClassification"
UNNAMED = "LABEL_"


class TransformersNetwork(nn.Module):
    """A model of transformers as a network of one tensor.

    Args:
        network: a ``PreTrainedModel``.

    Raises:
        ImprintError: it takes neither pixels nor token ids.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.takes = str(getattr(network, "main_input_name", TOKENS))
        if self.takes not in (PIXELS, TOKENS):
            raise ImprintError(
                f"{type(network).__name__} takes {self.takes}, neither {PIXELS} nor {TOKENS}: give "
                "a function that calls it"
            )
        config = network.config
        self.padding: int | None = getattr(config, "pad_token_id", None)
        size = getattr(config, "image_size", None) if self.takes == PIXELS else None
        self.input_size = size if isinstance(size, int) else None
        names = getattr(config, "id2label", None) or {}
        texts = tuple(str(names[key]) for key in sorted(names, key=int))
        self.classes = () if any(text.startswith(UNNAMED) for text in texts) else texts

    def forward(self, inputs: Tensor) -> Any:
        """Return what the model does.

        Args:
            inputs: float ``[b, channels, H, W]``, or int64 ``[b, t]``.
        """
        if self.takes == PIXELS:
            return self.network(pixel_values=inputs)
        present = self.present_tokens(inputs)
        mask = torch.ones_like(inputs) if present is None else present.long()
        return self.network(input_ids=inputs.long(), attention_mask=mask)

    def present_tokens(self, inputs: Tensor) -> Tensor | None:
        """Return which tokens are no padding, bool ``[b, t]``; None where nothing says so."""
        if self.takes == PIXELS or self.padding is None:
            return None
        return inputs != self.padding


class TransformersPredictor(ModulePredictor):
    """A model of transformers, with the names of its classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What the outputs stand for; empty where the configuration does not say."""
        names: tuple[str, ...] = getattr(self.module, "classes", ())
        return names


def load_text_model(folder: Path, settings: ModelSettings) -> TransformersPredictor:
    """Return the text classifier in a folder that ``save_pretrained`` wrote.

    Nothing is fetched, no code of the folder runs, and pickled weights are not read.

    Raises:
        ImprintError: transformers is missing, or the folder is damaged.
    """
    kind = f"AutoModel{CLASSIFIES_TEXT}"
    module, report = load_transformers(str(folder), None, kind=kind)
    check_filled(folder, report)
    return _adapt(module, settings, folder.name)


def classifies_text(folder: Path) -> bool:
    """Return whether the configuration in a folder is of a text classifier.

    Raises:
        ImprintError: there is no configuration, or a damaged one.
    """
    names = read_config(folder).get("architectures")
    return isinstance(names, list) and any(CLASSIFIES_TEXT in str(name) for name in names)


def _adapt(model: Any, settings: ModelSettings, name: str = "") -> TransformersPredictor:
    network = TransformersNetwork(model.to(settings.device)).eval()
    return TransformersPredictor(
        network,
        settings.name or name or type(model).__name__,
        settings.kind or "logits",
        OutputRule(entry=settings.output),
        settings.kind is not None,
    )


ADAPTERS.register("transformers")(
    Adapter(
        lambda model: is_of(model, "transformers:PreTrainedModel"),
        _adapt,
        5,
        "a model of transformers",
    )
)
