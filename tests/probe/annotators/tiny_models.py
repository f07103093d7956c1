"""Tiny models of transformers with random weights, saved as the public ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = list("abcdefghijklmnopqrstuvwxyz. ")
VISION = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
}  # fmt: skip
TEXT = {
    "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 24, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 2,
}  # fmt: skip


def save_clip(folder: Path, library: Any) -> Path:
    torch.manual_seed(0)
    config = library.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8)
    images = library.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    library.CLIPModel(config).save_pretrained(folder)
    library.CLIPProcessor(images, _letters(folder, library)).save_pretrained(folder)
    return folder


def save_siglip(folder: Path, library: Any) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(1)
    config = library.SiglipConfig(text_config=TEXT, vision_config=VISION)
    model = library.SiglipModel(config)
    model.logit_scale.data.fill_(1.5)
    model.logit_bias.data.fill_(-1.0)
    model.save_pretrained(folder)
    vocabulary = {word: row for row, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokens = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = library.PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=24,
        model_input_names=["input_ids"],
    )
    images = library.SiglipImageProcessor(size={"height": 32, "width": 32})
    library.SiglipProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def save_owl(folder: Path, library: Any, kind: str) -> Path:
    torch.manual_seed(2)
    name = {"owlvit": "OwlViT", "owlv2": "Owlv2"}[kind]
    config = getattr(library, f"{name}Config")(
        text_config=TEXT, vision_config=VISION, projection_dim=16
    )
    images = getattr(library, f"{name}ImageProcessor")(size={"height": 32, "width": 32})
    getattr(library, f"{name}ForObjectDetection")(config).save_pretrained(folder)
    tokenizer = _letters(folder, library)
    getattr(library, f"{name}Processor")(images, tokenizer).save_pretrained(folder)
    return folder


def save_grounding_dino(folder: Path, library: Any) -> Path:
    torch.manual_seed(3)
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "*", *WORDS[:26]]
    words += [f"##{letter}" for letter in WORDS[:26]]
    (folder / "vocab.txt").write_text("\n".join(words))
    backbone = library.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    text = library.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    sizes = {
        f"{part}_{what}": value
        for part in ("encoder", "decoder")
        for what, value in {"attention_heads": 2, "ffn_dim": 16, "n_points": 2}.items()
    }
    config = library.GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=6,
        max_text_len=32,
        **sizes,
    )
    library.GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = library.GroundingDinoImageProcessor(size={"shortest_edge": 128, "longest_edge": 192})
    tokenizer = library.BertTokenizer(str(folder / "vocab.txt"))
    library.GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def _letters(folder: Path, library: Any) -> Any:
    """A tokenizer of CLIP's kind that knows letters alone."""
    folder.mkdir(parents=True, exist_ok=True)
    # OWL-ViT takes a text that begins with token 0 for none.
    known = [
        "!",
        "<|startoftext|>",
        "<|endoftext|>",
        *WORDS,
        *(f"{letter}</w>" for letter in WORDS),
    ]
    (folder / "vocab.json").write_text(json.dumps({word: row for row, word in enumerate(known)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    files = (str(folder / "vocab.json"), str(folder / "merges.txt"))
    return library.CLIPTokenizer(*files, model_max_length=24)
