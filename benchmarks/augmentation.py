"""Images a second: augmenting whole batches against one image at a time.

    python benchmarks/augmentation.py --threads 1

The first view (crop, flip, jitter, grayscale, blur) of batches of 256 at 32, 64 and 224 pixels.
The reference makes the same changes with Pillow, image by image, from the same rectangles and
factors; Pillow has no hue, so the reference turns it in Pillow's HSV, and blurs by box filters, as
Pillow's Gaussian does. Batches and images take turns, so both see the same machine; the best of
each counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from imprint.data.augment import Parameters, augment, crop_rectangles, draw
from imprint.data.augmentation import (
    FIRST_VIEW,
    PAD_AND_FLIP,
    SECOND_VIEW,
    SMALL_VIEW,
    Augmentation,
)

KEY = 1
VIEWS = {
    "first view": FIRST_VIEW,
    "second view": SECOND_VIEW,
    "small view": SMALL_VIEW,
    "pad and flip": PAD_AND_FLIP,
}


def main() -> None:
    """Measure every view at every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 224])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"batch {options.batch}, {options.threads} thread(s), {options.device}, "
        f"torch {torch.__version__}, best of {options.repeats}"
    )
    print(f"{'pixels':>6}  {'view':<14}{'ms/batch':>9}{'images/s':>10}{'Pillow/s':>10}{'ratio':>7}")
    for size in options.sizes:
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (options.batch, 3, size, size), dtype=np.uint8)
        for name, setting in VIEWS.items():
            ours, theirs = measure(pixels, setting, torch.device(options.device), options.repeats)
            print(
                f"{size:>6}  {name:<14}{1e3 * ours:>9.2f}{len(pixels) / ours:>10.0f}"
                f"{len(pixels) / theirs:>10.0f}{theirs / ours:>7.1f}"
            )


def measure(
    pixels: np.ndarray, setting: Augmentation, device: torch.device, repeats: int
) -> tuple[float, float]:
    """Return the seconds a batch of the package and of the reference, best of ``repeats``."""
    resident = torch.from_numpy(pixels).to(device)
    pictures = [Image.fromarray(image.transpose(1, 2, 0)) for image in pixels]
    ids, size = np.arange(len(pixels)), pixels.shape[2]

    def whole_batch() -> None:
        augment(resident, setting, KEY, ids, size)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def image_by_image() -> None:
        reference(pictures, setting, ids, size)

    whole_batch()
    pairs = [(seconds(whole_batch), seconds(image_by_image)) for _ in range(repeats)]
    ours, theirs = np.min(pairs, axis=0)
    return float(ours), float(theirs)


def seconds(work: Callable[[], None]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def reference(
    pictures: list[Image.Image], setting: Augmentation, ids: np.ndarray, size: int
) -> torch.Tensor:
    """Return the view of each picture, float32 ``[n, 3, size, size]``."""
    rectangles = crop_rectangles(setting, KEY, ids, [picture.size for picture in pictures])
    drawn = draw(setting, KEY, ids)
    views = [
        np.asarray(one_view(picture, rectangle, drawn, row, size))
        for row, (picture, rectangle) in enumerate(zip(pictures, rectangles, strict=True))
    ]
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float().div_(255)


def one_view(
    picture: Image.Image, rectangle: np.ndarray, drawn: Parameters, row: int, size: int
) -> Image.Image:
    """Return one picture cropped, mirrored, shifted and recoloured."""
    x0, y0, x1, y1 = rectangle.tolist()
    box = (min(x0, x1), y0, max(x0, x1), y1)
    view = picture.resize((size, size), Image.Resampling.BILINEAR, box=box)
    if x0 > x1:
        view = ImageOps.mirror(view)
    if drawn.shift[row].any():
        moved = Image.new("RGB", view.size)
        moved.paste(view, tuple(drawn.shift[row].tolist()))
        view = moved
    if drawn.jittered[row]:
        view = ImageEnhance.Brightness(view).enhance(drawn.brightness[row])
        view = ImageEnhance.Contrast(view).enhance(drawn.contrast[row])
        view = ImageEnhance.Color(view).enhance(drawn.saturation[row])
        hue, saturation, value = view.convert("HSV").split()
        turned = np.asarray(hue) + np.uint8(round(256 * drawn.hue[row]) % 256)
        channels = (Image.fromarray(turned), saturation, value)
        view = Image.merge("HSV", channels).convert("RGB")
    if drawn.grey[row]:
        view = view.convert("L").convert("RGB")
    if drawn.blurred[row]:
        view = view.filter(ImageFilter.GaussianBlur(float(drawn.sigma[row])))
    if drawn.solarised[row]:
        view = ImageOps.solarize(view)
    return view


if __name__ == "__main__":
    main()
