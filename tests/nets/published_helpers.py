import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.nets.published_files import (
    IMAGENET,
    drawn,
    linear,
)


class ViT(nn.Module):
    """A vision transformer of torch's own layers, for comparison."""

    def __init__(self, weights: dict[str, Tensor], depth: int, width: int, heads: int) -> None:
        super().__init__()
        self.weights = weights
        self.blocks = nn.ModuleList()
        for block in range(depth):
            layer = nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
            )
            names = {
                "self_attn.in_proj_": "attn.qkv.", "self_attn.out_proj.": "attn.proj.",
                "linear1.": "mlp.fc1.", "linear2.": "mlp.fc2.",
                "norm1.": "norm1.", "norm2.": "norm2.",
            }  # fmt: skip
            layer.load_state_dict(
                {
                    ours + kind: weights[f"blocks.{block}.{theirs}{kind}"]
                    for ours, theirs in names.items()
                    for kind in ("weight", "bias")
                }
            )
            self.blocks.append(layer.eval())

    def forward(self, images: Tensor, places: Tensor) -> Tensor:
        weights, patch = self.weights, self.weights["patch_embed.proj.weight"].shape[-1]
        mean, std = (torch.tensor(values)[:, None, None] for values in IMAGENET)
        maps = functional.conv2d(
            (images - mean) / std,
            weights["patch_embed.proj.weight"],
            weights["patch_embed.proj.bias"],
            stride=patch,
        )
        tokens = maps.flatten(2).transpose(1, 2)
        first = weights["cls_token"].expand(len(images), 1, -1)
        tokens = torch.cat([first, tokens], dim=1) + places
        for block in self.blocks:
            tokens = block(tokens)
        shape = (tokens.shape[-1],)
        return functional.layer_norm(
            tokens, shape, weights["norm.weight"], weights["norm.bias"], 1e-6
        )[:, 0]


def vit_weights(depth: int = 2, width: int = 128, patch: int = 8, grid: int = 4):
    weights = {
        "cls_token": drawn("cls_token", 1, 1, width),
        "pos_embed": drawn("pos_embed", 1, 1 + grid**2, width) * 5,
        "patch_embed.proj.weight": drawn("patch", width, 3, patch, patch),
        "patch_embed.proj.bias": drawn("patch.bias", width),
    }
    for block in range(depth):
        at = f"blocks.{block}"
        weights |= {
            **linear(f"{at}.attn.qkv", width, 3 * width),
            **linear(f"{at}.attn.proj", width, width),
            **linear(f"{at}.mlp.fc1", width, 4 * width),
            **linear(f"{at}.mlp.fc2", 4 * width, width),
        }
        for name in (f"{at}.norm1", f"{at}.norm2"):
            weights |= {f"{name}.weight": drawn(f"{name}.weight", width),
                        f"{name}.bias": drawn(f"{name}.bias", width)}  # fmt: skip
    weights |= {"norm.weight": drawn("norm.weight", width), "norm.bias": drawn("norm.bias", width)}
    return weights
