"""A diffusion model that nobody trained, as a run keeps it, and images for it."""

import numpy as np
import torch
from PIL import Image

from imprint.lenses.reconstruct.options import DiffusionOptions, UNetOptions
from imprint.lenses.reconstruct.study.encoder import KeepEncoder
from imprint.lenses.reconstruct.training.run_file import RunCard, save_network
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.store import Study

WIDTH, PROJECTED = 16, 4
ENCODER = ModelCard(
    "mlp", 3, 4, 8, (0.5,), (0.25,), {"widths": str(WIDTH)}, projector=f"8-{PROJECTED}"
)
UNET = UNetOptions(image_size=16, patch=2, width=8, multipliers=(1.0, 1.0), attention=())


def save_run(folder, conditioning="backbone", **diffusion):
    """Write a run; return its folder."""
    model = initial_model(ENCODER, 0)
    folder.mkdir(parents=True)
    weights = folder.with_name(f"{folder.name}-encoder.safetensors")
    save_model(weights, model, ENCODER)
    Study(folder).run(KeepEncoder(NetworkFile(weights)))
    width = {"backbone": WIDTH, "projector": PROJECTED, "both": WIDTH + PROJECTED}[conditioning]
    noise = DiffusionOptions(diffusion_steps=6, **diffusion)
    card = RunCard(3, conditioning, width, model.fingerprint(), UNET, noise)
    torch.manual_seed(0)
    network = card.build()
    # Initial weights are so small that no representation would change a pixel.
    torch.nn.init.normal_(network.condition.weight, std=1.0)
    (folder / "network").mkdir()
    save_network(folder / "network" / "final.safetensors", network, card)
    return folder


def save_images(folder, count, first=0):
    """Write a folder of images of several sizes in one class; return their files."""
    random = np.random.default_rng(first)
    files = []
    for number in range(count):
        height, width = random.integers(12, 30, 2).tolist()
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        pixels[:, :, number % 3] //= 8
        file = folder / "photos" / f"{number:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
        files.append(file)
    return files
