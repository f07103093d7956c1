"""TensorFlow checkpoints as named arrays; needs the extra ``tf``.

A checkpoint ``ckpt-N`` is ``ckpt-N.index`` and ``ckpt-N.data-…``. Its variables are named by the
attributes that lead to them, ``model/_logits/w``. Reading runs no code of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.extras import import_tensorflow

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = "/.OPTIMIZER_SLOT/"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

Arrays = dict[str, NDArray[Any]]


def find_checkpoint(path: Path) -> Path:
    """Return ``…/ckpt-N`` for itself, its ``.index`` file, or a folder that holds that one alone.

    Args:
        path: of a folder, its files and those of ``checkpoints`` in it are looked at.

    Raises:
        ImprintError: there is none, or more than one.
    """
    if path.suffix == ".index" and path.is_file():
        return path.with_suffix("")
    if path.with_name(path.name + ".index").is_file():
        return path
    indices = sorted([*path.glob("*.index"), *path.glob("checkpoints/*.index")])
    if not indices:
        raise ImprintError(f"no TensorFlow checkpoint at {path}: expected {path.name}.index there")
    if len(indices) > 1:
        names = ", ".join(file.stem for file in indices)
        raise ImprintError(f"{path} holds {len(indices)} checkpoints ({names}): name one of them")
    return indices[0].with_suffix("")


def read_checkpoint(prefix: Path) -> Arrays:
    """Return the variables of a checkpoint by name, without the slots of optimisers.

    Args:
        prefix: ``…/ckpt-N``.

    Raises:
        ImprintError: TensorFlow is missing, or the checkpoint is missing or damaged.
    """
    tensorflow = import_tensorflow()
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        names = [
            name
            for name in sorted(reader.get_variable_to_shape_map())
            if name != GRAPH and SLOT not in name
        ]
        return {name.removesuffix(VALUE): np.asarray(reader.get_tensor(name)) for name in names}
    except Exception as error:  # TensorFlow raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImprintError(
            f"{prefix} is damaged or not a TensorFlow checkpoint ({reason}): download it again"
        ) from error
