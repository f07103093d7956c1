"""A classifier of token ids by a transformer encoder (Vaswani et al. 2017), normalised first."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.nets.text.registry import PADDING, TEXT_ARCHITECTURES, mean_of_tokens

MLP_RATIO = 4
INITIAL_DEVIATION = 0.02


class Heads(nn.Module):
    """What each head attends to, the heads side by side: a layer whose neurons can be the heads."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.num_attention_heads = heads

    def forward(self, query: Tensor, key: Tensor, value: Tensor, present: Tensor) -> Tensor:
        """Return ``[b, t, width]`` of the same shapes; bool ``[b, t]`` says which are tokens."""
        mask = present[:, None, None, :]
        attended = functional.scaled_dot_product_attention(
            self._apart(query), self._apart(key), self._apart(value), mask
        )
        return attended.transpose(1, 2).flatten(2)

    def _apart(self, tokens: Tensor) -> Tensor:
        """Return the part of each head, ``[b, heads, t, width / heads]``."""
        batch, count, width = tokens.shape
        heads = self.num_attention_heads
        return tokens.reshape(batch, count, heads, width // heads).transpose(1, 2)


class Attention(nn.Module):
    """Softmax attention of every token to every token of its text."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.heads = Heads(heads)
        self.output = nn.Linear(width, width)

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Return tokens of the same shape ``[b, t, width]``."""
        attended = self.heads(self.query(tokens), self.key(tokens), self.value(tokens), present)
        mixed: Tensor = self.output(attended)
        return mixed


class Block(nn.Module):
    """x + attention(LN(x)), then x + perceptron(LN(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.widen = nn.Linear(width, MLP_RATIO * width)
        self.activation = nn.GELU()
        self.narrow = nn.Linear(MLP_RATIO * width, width)

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Return tokens of the same shape ``[b, t, width]``."""
        tokens = tokens + self.attention(self.norm1(tokens), present)
        update: Tensor = self.narrow(self.activation(self.widen(self.norm2(tokens))))
        return tokens + update


class TransformerClassifier(nn.Module):
    """Embedding and learned places → blocks → normalised mean over the tokens → linear."""

    def __init__(
        self, vocabulary: int, outputs: int, length: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.places = nn.Parameter(torch.randn(length, width) * INITIAL_DEVIATION)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, outputs)

    def present_tokens(self, ids: Tensor) -> Tensor:
        """Return which tokens are no padding, bool ``[b, t]``."""
        return ids != PADDING

    def features(self, ids: Tensor) -> Tensor:
        """Return the mean token of each text, int64 ``[b, t]`` → ``[b, width]``."""
        present = self.present_tokens(ids)
        # A text without tokens attends to its padding: a softmax over nothing is no number.
        attended = present | ~present.any(1, keepdim=True)
        tokens = self.embedding(ids) + self.places[: ids.shape[1]]
        for block in self.blocks:
            tokens = block(tokens, attended)
        return mean_of_tokens(self.norm(tokens), present)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits ``[b, outputs]`` of int64 ``[b, t]``, t at most ``length``."""
        logits: Tensor = self.classifier(self.features(ids))
        return logits


@TEXT_ARCHITECTURES.register("transformer_classifier")
def build(
    vocabulary: int,
    outputs: int,
    length: int,
    width: int = 64,
    depth: int = 2,
    heads: int = 4,
) -> TransformerClassifier:
    """Return a transformer classifier.

    Args:
        vocabulary: how many ids there are, padding among them.
        outputs: classes.
        length: tokens of a text at most.
        width: of a token, a multiple of ``heads``.
        depth: blocks.
        heads: of each attention.

    Raises:
        ImprintError: a number is not positive, or the heads do not share the width evenly.
    """
    if min(width, depth, heads) < 1 or width % heads:
        raise ImprintError(
            "transformer_classifier: width, depth and heads must be at least 1, and width a "
            f"multiple of heads, got {width}, {depth} and {heads}"
        )
    return TransformerClassifier(vocabulary, outputs, length, width, depth, heads)
