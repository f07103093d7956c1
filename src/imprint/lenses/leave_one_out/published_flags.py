"""Flags of the published leave-one-out programs, by program, with their defaults.

Ye, Borovykh, Hayou, Shokri, "Leave-one-out distinguishability in machine learning", ICLR 2024.
Every flag is either translated, or told to have another place here, or to have done nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Program:
    """One published program.

    Attributes:
        defaults: of the flags that are translated.
        elsewhere: a sentence on each flag that is not, by name.
    """

    defaults: Mapping[str, Value]
    elsewhere: Mapping[str, str]


KERNEL: Mapping[str, Value] = {
    "ARCHITECTURE": "FC", "ACT": "relu", "Wstd": 2**0.5, "bstd": 0.0,
}  # fmt: skip
_NO_EFFECT = {
    "WIDTH": "kernels are limits of infinite width, it had no effect there",
    "PARAMETERIZATION": "both gave the same kernel there; --kernel-options limit=ntk is the other",
    "logdir": "give it with --out",
}

QUERY = Program(
    {
        **KERNEL,
        "DEPTH": 5,
        "REG_CONST": 1.0,
        "NUM_CLASSES": 2,
        "DATASET_SIZE": 500,
        "DATASET_TYPE": "balanced",
        "NUM_DIFFER": 1,
        "DIFFER_TYPE": "oneclass",
        "FIX_DIFFER": False,
        "AUGMENT": 0,
        "AUG_STEP": 2,
        "LEARNING_RATE": 20.0,
        "NUM_ITERS": 300,
        "QUERY_SIZE": 1,
        "PRIV_LOSS_TYPE": "kl",
        "INTER_QUERY": "True",
        "INIT_METHOD": "random",
        "NORM": "independent",
        "NUM_RUNS": 5,
    },
    {
        **_NO_EFFECT,
        "DATASET": "give the images with --data; of census tables the numbers as --arrays",
        "FIX_DATASET": "one run has one data set for all of its removed records, and --seed draws "
        "another",
        "DATA_PATH": "the data set is drawn again by --seed; a stored one is read as --arrays",
        "DIFFER_PATH": "name stored records with --removed-index",
        "INIT_PATH": "searches start from noise or records: --start, --start-seed",
        "OPT_NORM": "it never acted there as described",
        "LR_CEIL": "a search stops at --target-share of the bound, or where steps gain no more",
        "USE_BATCHING": "kernels are computed in tiles by themselves",
        "RUN_NAME": "give it with --out, or --stamp",
    },
)
"""``nt_opt_query.py``."""

POINTS = Program(
    {**KERNEL, "DEPTH": 2, "REG_CONST": 0.05, "TASK": "log_point"},
    {
        **_NO_EFFECT,
        "DATA_PATH": "give the images with --data, or as --arrays: all of both classes there",
        "DIFFER_LIST_PATH": "a fit has every record; lines take --removed-index, which counts from "
        "0 where the published list counts from 1",
    },
)
"""``compute_LOOD.py``."""

_FOLDERS = "give it with --out: logits are stored, not networks or copies of the data"
_SINGLE = "read by nobody there"
TRAINING = Program(
    {"batch_size": 64, "num_epochs": 50, "lr": 0.001, "hidden_size": 1024,
     "base_path": "./models_in_relu_NTK/", "lr_schedule": None},
    {
        "id": "networks are numbered by themselves",
        "dataset": "give the images with --data",
        "num_workers": "images are read once",
        "lr_update_mode": "the learning rate changes between epochs",
        "valid_ratio": "--queries are never trained on",
        "data_path": "give the images with --data",
        "model_path": _FOLDERS,
        "sample_path": _FOLDERS,
        "logs_path": _FOLDERS,
        "validation_path": _FOLDERS,
        "log_step": "accuracies of all networks are in the summary",
        "save_every": "an interrupted run resumes by itself",
        "seed": "--seed; it was the time there",
        "differ_data": "--removed draws records; it counts from 1 there",
        "differ_indice_list": "--removed draws records",
        "epsilon_test": _SINGLE,
        "eps_iter_test": _SINGLE,
        "nb_iter_test": _SINGLE,
        "time_now": "no time stands in an artefact",
        "model_path_": _FOLDERS,
        "sample_path_": _FOLDERS,
        "logs_path_": _FOLDERS,
        "validation_path_": _FOLDERS,
        "in_path": "networks with and without records are trained by one command",
        "out_path": "networks with and without records are trained by one command",
        "logdir": "give it with --out; leave-one-out compare writes nn.csv and nngp.csv",
    },
)  # fmt: skip
"""``main.py``, ``main_out_models.py``, ``main_all_checkpoints.py``, ``compute_auc_and_diff.py``."""

PROGRAMS: Mapping[str, Program] = {"query": QUERY, "points": POINTS, "training": TRAINING}


def program_of(names: set[str]) -> str | None:
    """Return the program whose flags these are; None where they are of none.

    >>> program_of({"REG_CONST", "TASK"}), program_of({"DATASET_SIZE"}), program_of({"epochs"})
    ('points', 'query', None)
    """
    for name in ("points", "query", "training"):
        program = PROGRAMS[name]
        known = {*program.defaults, *program.elsewhere}
        if names and names <= known:
            # Flags that both have say nothing: the query program has sizes, the other a task.
            return name
    largest = max(PROGRAMS, key=lambda name: len(names & {*PROGRAMS[name].defaults}))
    return largest if len(names & {*PROGRAMS[largest].defaults}) >= 2 else None
