"""A diffusion model of images from a folder that ``save_pretrained`` of diffusers wrote.

Of the folder are read ``unet/config.json``, the safetensors beside it, and
``scheduler/scheduler_config.json``. The model must be a ``UNet2DModel``, which takes images alone
and predicts their noise; those that work on latents or take a prompt are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imprint.core.errors import ImprintError, reason_of
from imprint.core.extras import import_diffusers
from imprint.lenses.coverage.fuzzing.mutations.diffusion import AT_ONCE, Denoiser, Diffusion
from imprint.reading.json_files import read_json
from imprint.reading.regular import UnreadableFile
from imprint.reading.weights_files import read_safetensors
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_file

CONFIG = Path("unet", "config.json")
WEIGHTS = Path("unet", "diffusion_pytorch_model.safetensors")
SCHEDULE = Path("scheduler", "scheduler_config.json")
MOST_BLOCKS = 64
"""Of a network, and layers of a block: more are a mistake in the file."""
MOST_STEPS = 100_000
MOST_SIDE = 256
MOST_VALUES = 1 << 28
"""Of the widest layer, if it saw whole images: a gibibyte, of which a pass needs a few."""


@dataclass(frozen=True)
class DiffusionModel:
    """A diffusion model that mutates images.

    Attributes:
        folder: that it is read from.
        strength: largest share of the steps to noise.
        hashes: of the files that are read.
    """

    folder: Path = uncounted()
    strength: float = 0.1
    hashes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        for file in (CONFIG, WEIGHTS, SCHEDULE):
            if not (self.folder / file).is_file():
                raise ImprintError(
                    f"no file {self.folder / file}: --diffusion takes a folder that a pipeline of "
                    "diffusers was saved to, with its weights as safetensors"
                )
        hashes = tuple(hash_file(self.folder / file) for file in (CONFIG, WEIGHTS, SCHEDULE))
        object.__setattr__(self, "hashes", hashes)

    def load(self, channels: int, device: torch.device) -> Diffusion:
        """Return the mutation.

        Args:
            channels: of the images.
            device: where it runs.

        Raises:
            ImprintError: diffusers is missing, a damaged folder, or another kind of model.
        """
        diffusers = import_diffusers()
        config, schedule = (self._config(file) for file in (CONFIG, SCHEDULE))
        side = self._check(config, schedule, channels)
        try:
            unet = _network(diffusers, config, self.folder / WEIGHTS).to(device)
            signal = diffusers.DDIMScheduler.from_config(schedule).alphas_cumprod.float()
            unet(torch.zeros(AT_ONCE, channels, side, side, device=device), 0)
        except UnreadableFile as error:
            raise ImprintError(str(error)) from error
        except Exception as error:  # diffusers raises nearly anything on a damaged folder
            raise ImprintError(
                f"diffusers cannot load the model in {self.folder} ({reason_of(error)}): save its "
                "pipeline again"
            ) from error
        if not bool(((signal > 0) & (signal <= 1)).all()):
            raise ImprintError(
                f"the noise schedule in {self.folder / SCHEDULE} leaves no signal at some step: "
                "use a model with another schedule"
            )

        def noise(images: Tensor, steps: Tensor) -> Tensor:
            with torch.no_grad():
                found: Tensor = unet(images, steps).sample
            return found

        return Diffusion(Denoiser(noise, torch.cat([torch.ones(1), signal]), side), self.strength)

    def _config(self, file: Path) -> dict[str, Any]:
        try:
            content = read_json(self.folder / file, remedy="save the pipeline again")
        except UnreadableFile as error:
            raise ImprintError(str(error)) from error
        if not isinstance(content, dict):
            raise ImprintError(f"{self.folder / file} is no JSON object: save the pipeline again")
        return content

    def _check(self, config: dict[str, Any], schedule: dict[str, Any], channels: int) -> int:
        """Return the side of the images; refuse what is another kind of model."""
        name = config.get("_class_name")
        if name != "UNet2DModel":
            raise ImprintError(
                f"the model in {self.folder} is a {name}, which takes more than images: give "
                "--diffusion a pipeline with a UNet2DModel, such as DDPMPipeline"
            )
        if schedule.get("prediction_type", "epsilon") != "epsilon":
            raise ImprintError(
                f"the model in {self.folder} predicts {schedule['prediction_type']}: give "
                "--diffusion one that predicts the noise (epsilon)"
            )
        takes, gives = (config.get(f"{way}_channels", 3) for way in ("in", "out"))
        if not takes == gives == channels:
            raise ImprintError(
                f"the diffusion model in {self.folder} takes {takes}-channel images and gives "
                f"{gives}, --model takes {channels}: give a model of such images"
            )
        side, steps = config.get("sample_size"), schedule.get("num_train_timesteps", 1000)
        layers = config.get("layers_per_block", 2)
        kinds = [config.get(f"{way}_block_types", ()) for way in ("down", "up")]
        sizes = ((side, MOST_SIDE), (steps, MOST_STEPS), (layers, MOST_BLOCKS))
        if not all(isinstance(size, int) and 1 <= size <= most for size, most in sizes) or any(
            not isinstance(kind, list) or len(kind) > MOST_BLOCKS for kind in kinds
        ):
            raise ImprintError(
                f"the diffusion model in {self.folder} has sample_size {side!r}, {steps!r} steps "
                f"and {layers!r} layers_per_block: give a model of square images of up to "
                f"{MOST_SIDE} pixels"
            )
        widths = config.get("block_out_channels")
        if not isinstance(widths, list) or not all(
            isinstance(width, int) and 1 <= AT_ONCE * int(side) ** 2 * width <= MOST_VALUES  # type: ignore[arg-type]  # an int, by the check above
            for width in widths
        ):
            raise ImprintError(
                f"the diffusion model in {self.folder} has block_out_channels that are no list, or "
                f"too large for {AT_ONCE} images of {side} pixels at once: give a smaller model"
            )
        return int(side)  # type: ignore[arg-type]  # an int, by the check above


def _network(diffusers: Any, config: dict[str, Any], weights: Path) -> torch.nn.Module:
    """Return the network, its tensors those of the file: no other shapes take memory."""
    with torch.device("meta"):
        unet: torch.nn.Module = diffusers.UNet2DModel.from_config(config)
    tensors = {name: tensor.float() for name, tensor in read_safetensors(weights).items()}
    unet.load_state_dict(tensors, strict=True, assign=True)
    return unet.eval().requires_grad_(False)
