"""Vision transformers (Dosovitskiy et al. 2021) under the parameter names of DINO's checkpoints.

The image is cut into patches, a class token is put before them, positions are added, and blocks of
attention and of a two-layer perceptron follow, each behind a layer normalisation (ε = 1e-6) and
beside a shortcut. The features are the class token after the last normalisation.

Positions were learnt on one grid of patches. On another grid they are interpolated, bicubic, to
its rows and columns; the published code stretches them by a tenth of a patch beside that, against
rounding that cannot happen here.

Source of names, sizes and initialisation: Caron et al. 2021, https://arxiv.org/abs/2104.14294.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, linear_classifier
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import VIT_HEAD_WIDTH

MLP_RATIO = 4
EPSILON = 1e-6
INITIAL_STD = 0.02


class PatchEmbedding(nn.Module):
    """Every ``patch`` × ``patch`` square as one token."""

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        """Return a grid of tokens ``[b, width, h / patch, w / patch]``."""
        grid: Tensor = self.proj(images)
        return grid


class Attention(nn.Module):
    """Softmax attention of every token to every token, in ``heads`` parts of the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape ``[b, t, width]``."""
        batch, count, width = tokens.shape
        parts = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.proj(attended.transpose(1, 2).reshape(batch, count, width))
        return mixed


class Perceptron(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape ``[b, t, width]``."""
        result: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return result


class TransformerBlock(nn.Module):
    """x + attention(LN(x)), then x + perceptron(LN(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Perceptron(width, MLP_RATIO * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape ``[b, t, width]``."""
        tokens = tokens + self.attn(self.norm1(tokens))
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result


class VisionTransformer(Backbone):
    """Patches and a class token → blocks → the class token, normalised; a linear classifier."""

    classifier_name = "head"

    def __init__(
        self,
        channels: int,
        outputs: int | None,
        grid: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.feature_width = width
        self.grid = grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + grid**2, width))
        self.patch_embed = PatchEmbedding(channels, width, patch)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.head = linear_classifier(width, outputs)
        _initialise(self)

    def features(self, images: Tensor) -> Tensor:
        """Return the class token after the last normalisation, ``[b, width]``."""
        grid = self.patch_embed(images)
        places = self.positions(grid.shape[2], grid.shape[3])
        patches = grid.flatten(2).transpose(1, 2) + places[:, 1:]
        first = (self.cls_token + places[:, :1]).expand(len(images), -1, -1)
        tokens: Tensor = self.norm(self.blocks(torch.cat([first, patches], dim=1)))
        return tokens[:, 0]

    def positions(self, rows: int, columns: int) -> Tensor:
        """Return the positions of a grid, ``[1, 1 + rows · columns, width]``, class token first."""
        if rows == columns == self.grid:
            return self.pos_embed
        learnt = self.pos_embed[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        moved = functional.interpolate(learnt, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([self.pos_embed[:, :1], moved.flatten(2).transpose(1, 2)], dim=1)


def _initialise(network: VisionTransformer) -> None:
    """Draw weights of linear layers, tokens and positions from N(0, 0.02²) cut at ± 2; biases 0."""
    drawn: list[Tensor] = [network.pos_embed, network.cls_token]
    for module in network.modules():
        if isinstance(module, nn.Linear):
            drawn.append(module.weight)
            nn.init.zeros_(module.bias)
    for tensor in drawn:
        nn.init.trunc_normal_(tensor, std=INITIAL_STD)


@ARCHITECTURES.register("vit")
def build(
    channels: int,
    outputs: int | None,
    input_size: int,
    patch: int = 16,
    width: int = 384,
    depth: int = 12,
    heads: int = 0,
) -> VisionTransformer:
    """Return a vision transformer.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side in pixels of the images whose grid the positions are learnt on; images of
            other sides pass with interpolated positions.
        patch: side of the patches in pixels.
        width: of the tokens, and so of the features.
        depth: blocks.
        heads: of attention, a divisor of the width; 0 for one every 64.

    Raises:
        ImprintError: the patches do not tile the image, or a number is impossible.
    """
    if min(patch, width) < 1 or min(depth, heads) < 0:
        raise ImprintError(
            "vit: patch and width must be at least 1, depth and heads at least 0, "
            f"got {patch}, {width}, {depth} and {heads}"
        )
    if input_size % patch:
        raise ImprintError(
            f"vit: patches of {patch} pixels do not tile images of {input_size}: "
            "choose a multiple of patch as input_size"
        )
    heads = heads or max(1, width // VIT_HEAD_WIDTH)
    if width % heads:
        raise ImprintError(f"vit: {heads} heads do not divide the width {width}: change one")
    return VisionTransformer(channels, outputs, input_size // patch, patch, width, depth, heads)


for _name, _width in {"vit_tiny": 192, "vit_small": 384, "vit_base": 768}.items():
    ARCHITECTURES.register(_name)(partial(build, width=_width))
