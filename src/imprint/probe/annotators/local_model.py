"""Models of transformers from a folder on this machine; nothing is fetched, nothing unpickled."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from imprint.core.errors import ImprintError, reason_of
from imprint.core.extras import import_transformers
from imprint.study.hashing import hash_file

WEIGHTS = ".safetensors"
HASHED = (WEIGHTS, ".json", ".txt", ".model")


def load_local(folder: Path, kind: str, device: torch.device) -> tuple[Any, Any]:
    """Return the model in a folder of Hugging Face's layout, in evaluation mode, and its processor.

    Args:
        folder: holds ``config.json``, ``*.safetensors``, the tokenizer and the image processor.
        kind: name of the automatic class of transformers, such as
            ``AutoModelForZeroShotImageClassification``.
        device: where the model goes.

    Raises:
        ImprintError: transformers is missing, no such folder, or a model of another kind.
    """
    transformers = import_transformers()
    if not folder.is_dir():
        raise ImprintError(f"no folder {folder}: download the model there first")
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        model = getattr(transformers, kind).from_pretrained(folder, use_safetensors=True, **local)
        processor = transformers.AutoProcessor.from_pretrained(folder, **local)
    except Exception as error:  # transformers raises nearly anything on a damaged folder
        reason = reason_of(error)
        raise ImprintError(
            f"transformers cannot load {kind.removeprefix('AutoModelFor')} from {folder}: {reason}"
        ) from error
    return model.float().eval().to(device), processor


def folder_hash(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of the files that a model consists of."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in HASHED:
            digest.update(f"{file.name}:{hash_file(file)}\n".encode())
    return digest.hexdigest()
