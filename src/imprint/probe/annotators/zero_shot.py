"""Tags by a network that compares pictures with words: CLIP, SigLIP and their like.

With x the unit embedding of a crop and t_j that of the j-th tag in its prompt (of several prompts,
the unit mean of their embeddings), the score of a tag is

    CLIP    softmax_j(τ x·t_j), its share among all tags of the list     Radford et al. 2021
    SigLIP  σ(τ x·t_j + b), each tag for itself                          Zhai et al. 2023

A tag is kept from its threshold on, and of those kept the best k. The embeddings of the tags are
computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from imprint.core.arrays import FloatArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.picture import shown_channels
from imprint.data.tags.annotation import Tags, join_tags
from imprint.probe.annotators.local_model import load_local
from imprint.reading.regular import read_text

KIND = "AutoModelForZeroShotImageClassification"
PROMPT = "a photo of {}"
TEXTS_A_BATCH = 256


@dataclass(frozen=True)
class TagList:
    """The tags an annotator knows.

    Attributes:
        words: each tag once.
        thresholds: float64 ``[V]``, the least score of each.
    """

    words: tuple[str, ...]
    thresholds: FloatArray


@dataclass(frozen=True)
class ZeroShotTagger:
    """A network and a list of tags; an annotator (:class:`imprint.data.tags.annotation.Annotator`).

    Attributes:
        name: what it is called.
        tags: what it knows.
        top: how many tags an image keeps at most.
        side: side in pixels of the crops it is trained for.
        model: the network.
        processor: what makes its inputs.
        words: float32 ``[V, d]``, unit embeddings of the tags.
        batch_size: crops a forward pass.
    """

    name: str
    tags: TagList
    top: int
    side: int
    model: Any = field(repr=False)
    processor: Any = field(repr=False)
    words: Tensor = field(repr=False)
    batch_size: int = 64

    def annotate(self, crops: Pixels) -> Tags:
        """Return the best tags of each crop, best first.

        Args:
            crops: uint8 ``[n, channels, H, W]``.
        """
        empty = Tags(self.tags.words, np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))
        parts = [
            self._keep(self.scores(crops[start : start + self.batch_size]))
            for start in range(0, len(crops), self.batch_size)
        ]
        return join_tags(parts) if parts else empty

    @torch.inference_mode()
    def scores(self, crops: Pixels) -> FloatArray:
        """Return the score of every tag for every crop, float64 ``[n, V]`` in [0, 1]."""
        pictures = list(np.broadcast_to(shown_channels(crops), (len(crops), 3, *crops.shape[2:])))
        inputs = self.processor.image_processor(
            images=[picture.transpose(1, 2, 0) for picture in pictures], return_tensors="pt"
        )
        pixels = inputs["pixel_values"].to(self.words.device)
        embedded = functional.normalize(_pooled(self.model.get_image_features(pixel_values=pixels)))
        logits = self.model.logit_scale.exp() * embedded @ self.words.T
        bias = getattr(self.model, "logit_bias", None)
        probabilities = logits.softmax(dim=1) if bias is None else (logits + bias).sigmoid()
        scores: FloatArray = probabilities.double().cpu().numpy()
        return scores

    def _keep(self, scores: FloatArray) -> Tags:
        image, tag = np.nonzero(scores >= self.tags.thresholds)
        offsets = np.searchsorted(image, np.arange(len(scores) + 1)).astype(np.int64)
        kept = Tags(self.tags.words, offsets, tag.astype(np.int64), scores[image, tag])
        return kept.top(self.top)


def load_tagger(
    folder: Path,
    tags: TagList,
    prompts: Sequence[str] = (PROMPT,),
    top: int = 5,
    device: torch.device | str = "cpu",
    batch_size: int = 64,
) -> ZeroShotTagger:
    """Return the tagger that a local folder of transformers and a list of tags make.

    Args:
        folder: holds a model that embeds pictures and texts alike.
        tags: what it is to know.
        prompts: sentences with ``{}`` for the tag.
        top: how many tags an image keeps at most.
        device: where the model runs.
        batch_size: crops a forward pass.

    Raises:
        ImprintError: the folder has no such model, a prompt without a place for the tag, or a
            number below 1.
    """
    wrong = next((prompt for prompt in prompts if prompt.count("{}") != 1), None)
    if wrong is not None or not prompts:
        raise ImprintError(f"the prompt {wrong!r} has no place for the tag: write {{}} once in it")
    if min(top, batch_size) < 1:
        raise ImprintError(f"top and batch_size must be at least 1, got {top} and {batch_size}")
    device = torch.device(device)
    model, processor = load_local(folder, KIND, device)
    if not hasattr(model, "get_text_features") or not hasattr(model, "logit_scale"):
        raise ImprintError(
            f"{folder} holds {model.config.model_type}, which does not embed pictures and texts: "
            "use CLIP, SigLIP or a similar model"
        )
    words = torch.stack(
        [_embed(model, processor, [prompt.format(w) for w in tags.words]) for prompt in prompts]
    )
    return ZeroShotTagger(
        name=f"zero_shot:{folder.resolve().name}",
        tags=tags,
        top=top,
        side=int(model.config.vision_config.image_size),
        model=model,
        processor=processor,
        words=functional.normalize(words.mean(dim=0)),
        batch_size=batch_size,
    )


def read_tag_list(file: Path, threshold: float = 0.0) -> TagList:
    """Return the tags in a text file, one a line, behind a tab maybe a threshold of its own.

    Args:
        file: in UTF-8; empty lines are passed over.
        threshold: least score of the tags without one.

    Raises:
        ImprintError: no such file, no tag, a tag twice, or a threshold that is no number.
    """
    try:
        lines = read_text(file).splitlines()
    except OSError as error:
        raise ImprintError(f"cannot read the tags in {file}: {error.strerror}") from error
    words, thresholds = [], []
    for number, line in enumerate(lines, start=1):
        word, _, own = line.partition("\t")
        if not word.strip():
            continue
        try:
            thresholds.append(float(own) if own.strip() else threshold)
        except ValueError:
            raise ImprintError(f"{file}, line {number}: {own!r} is not a threshold") from None
        words.append(word.strip())
    if not words:
        raise ImprintError(f"{file} holds no tag: write one per line")
    if len(set(words)) != len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise ImprintError(f"{file} holds the tag {twice!r} twice: name each once")
    return TagList(tuple(words), np.array(thresholds))


@torch.inference_mode()
def _embed(model: Any, processor: Any, texts: list[str]) -> Tensor:
    """Return unit embeddings of texts, float32 ``[n, d]``."""
    # SigLIP was trained on texts padded to its full length.
    full = hasattr(model, "logit_bias")
    length = model.config.text_config.max_position_embeddings
    features = []
    for start in range(0, len(texts), TEXTS_A_BATCH):
        tokens = processor.tokenizer(
            texts[start : start + TEXTS_A_BATCH],
            padding="max_length" if full else True,
            truncation=True,
            max_length=length,
            return_tensors="pt",
        ).to(model.device)
        known = {name: tokens[name] for name in ("input_ids", "attention_mask") if name in tokens}
        if full:
            known.pop("attention_mask", None)
        features.append(functional.normalize(_pooled(model.get_text_features(**known))))
    return torch.cat(features)


def _pooled(features: Any) -> Tensor:
    """Return the embeddings, whether the version of transformers wraps them or not."""
    pooled: Tensor = features if isinstance(features, Tensor) else features.pooler_output
    return pooled
