"""A classifier of token ids by an LSTM (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.text.registry import PADDING, TEXT_ARCHITECTURES, mean_of_tokens


class LSTMClassifier(nn.Module):
    """Embedding → LSTM → mean of the hidden states over the tokens → linear, ReLU → linear."""

    def __init__(self, vocabulary: int, outputs: int, width: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.lstm = nn.LSTM(width, hidden, depth, batch_first=True)
        self.dense = nn.Linear(hidden, hidden)
        self.activation = nn.ReLU()
        self.classifier = nn.Linear(hidden, outputs)

    def present_tokens(self, ids: Tensor) -> Tensor:
        """Return which tokens are no padding, bool ``[b, t]``."""
        return ids != PADDING

    def features(self, ids: Tensor) -> Tensor:
        """Return what the classifier is given, int64 ``[b, t]`` → ``[b, hidden]``."""
        states, _ = self.lstm(self.embedding(ids))
        features: Tensor = self.activation(
            self.dense(mean_of_tokens(states, self.present_tokens(ids)))
        )
        return features

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits ``[b, outputs]`` of int64 ``[b, t]``."""
        logits: Tensor = self.classifier(self.features(ids))
        return logits


@TEXT_ARCHITECTURES.register("lstm_classifier")
def build(
    vocabulary: int,
    outputs: int,
    length: int,
    width: int = 64,
    hidden: int = 64,
    depth: int = 1,
) -> LSTMClassifier:
    """Return an LSTM classifier.

    Args:
        vocabulary: how many ids there are, padding among them.
        outputs: classes.
        length: tokens of a text; any.
        width: of the embedding.
        hidden: units of each LSTM layer, and of the layer behind them.
        depth: LSTM layers.

    Raises:
        ImprintError: a number is not positive.
    """
    if min(width, hidden, depth) < 1:
        raise ImprintError(
            f"lstm_classifier: width, hidden and depth must be at least 1, got {width}, {hidden} "
            f"and {depth}"
        )
    return LSTMClassifier(vocabulary, outputs, width, hidden, depth)
