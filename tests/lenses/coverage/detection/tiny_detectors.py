"""Tiny detectors with random weights, and images with objects, as public ones are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

SIDE = 32
NAMES = {0: "square", 1: "disc"}
PROCESSOR = {
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.25, 0.25],
    "size": {"height": SIDE, "width": SIDE},
}


def tiny_yolos(library: Any, layers: int = 2) -> Any:
    config = library.YolosConfig(
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=12,
        image_size=[SIDE, SIDE],
        patch_size=8,
        num_detection_tokens=4,
        id2label=NAMES,
    )
    torch.manual_seed(0)
    model = library.YolosForObjectDetection(config)
    with torch.no_grad():
        for part in model.parameters():
            part.add_(0.3 * torch.randn_like(part))
    return model


def tiny_rt_detr(library: Any) -> Any:
    backbone = library.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = library.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 8, 8],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=6,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_n_points=2,
        id2label=NAMES,
    )
    torch.manual_seed(0)
    return library.RTDetrForObjectDetection(config)


def save_detector(folder: Path, model: Any) -> Path:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder


def save_images(folder: Path, count: int = 6) -> tuple[Path, Path]:
    """Write images of a square each and their annotations; return folder and file."""
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    annotations = []
    for number in range(count):
        pixels = random.integers(0, 90, (24, 40, 3), dtype=np.uint8)
        x, y = (int(each) for each in random.integers(0, (24, 8)))
        pixels[y : y + 16, x : x + 16] += 120
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        box = {"id": number, "image_id": number, "bbox": [x, y, 16, 16], "iscrowd": 0}
        annotations.append({**box, "category_id": 7 - number % 2, "area": 256})
    content = {
        "images": [{"id": row, "file_name": f"{row}.png"} for row in range(count)],
        "annotations": annotations,
        "categories": [{"id": 7, "name": "square"}, {"id": 6, "name": "Disc"}],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder / "images", folder / "instances.json"
