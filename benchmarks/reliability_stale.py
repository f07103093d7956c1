"""Change an input or an option between two runs into one folder: no result may be stale.

Each command runs once; then one input or option is changed and the same ``--out`` is used again.
The second run must be refused (code 2), or end with the bytes of a fresh run on the changed input.
Files are changed with their size kept, and once more with their time of change kept as well.

    python benchmarks/reliability_stale.py --out runs/stale
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bad_words import without
from miniatures import commands
from reliability_inputs import make_world
from trials import Row, call, differing, import_heavy, print_rows, tree


@dataclass(frozen=True)
class Change:
    """What is changed between two runs of a command.

    Attributes:
        group: of the table.
        name: in words.
        command: whose call is run.
        words: that replace the same options of the call.
        edit: changes the inputs, whose folder it is given.
    """

    group: str
    name: str
    command: str
    words: tuple[str, ...] = ()
    edit: Callable[[Path], None] = lambda world: None


def repaint(file: Path) -> None:
    """Give an image other pixels and the same size in bytes, its header kept."""
    from PIL import Image

    size = file.stat().st_size
    pixels = np.asarray(Image.open(file))[::-1, ::-1]
    Image.fromarray(np.ascontiguousarray(pixels)).save(file)
    with file.open("ab") as stream:
        stream.write(bytes(max(0, size - file.stat().st_size)))


def keep_time(edit: Callable[[Path], None], file: Path) -> None:
    """Edit a file and set its time of change back."""
    before = file.stat()
    edit(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def shift_array(file: Path, key: str) -> None:
    """Roll one array of an ``.npz`` file by a row; sizes stay."""
    arrays = dict(np.load(file))
    axis = arrays[key].ndim - 1 if key in ("target", "signals", "members") else 0
    arrays[key] = np.roll(arrays[key], 1, axis)
    np.savez(file, **arrays)


def change_weights(file: Path) -> None:
    """Change one byte of the values of a safetensors file."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def input_changes() -> Iterator[Change]:
    """Yield changes of what commands read."""
    image = "train/bee/train03.png"
    for command in (
        "train", "audit", "data describe", "data split", "data crops", "dejavu two-model",
        "dejavu one-model", "dejavu linear-probe", "dejavu sweep", "membership audit",
        "coverage importance", "coverage wisdom", "coverage measure", "coverage monitor",
    ):  # fmt: skip
        name = f"{command}: pixels of an image"
        yield Change("images", name, command, edit=lambda world: repaint(world / image))
        yield Change(
            "images", f"{name}, time of change kept", command,
            edit=lambda world: keep_time(repaint, world / image),
        )  # fmt: skip
        yield Change(
            "images", f"{command}: an image moved to another class", command,
            edit=lambda world: os.rename(world / image, world / "train/cat/zzz.png"),
        )  # fmt: skip
    for command in ("train", "data split", "data crops", "dejavu two-model", "data describe"):

        def widen(world: Path) -> None:
            file = world / "boxes/bee/train03.xml"
            file.write_text(file.read_text().replace("<xmax>15", "<xmax>14"))

        yield Change("boxes", f"{command}: one corner of a box", command, edit=widen)
    for command, file, keys in (
        ("dejavu attack", "embeddings.npz", ("public", "crops_target", "labels")),
        ("membership attack", "signals.npz", ("target", "signals", "members", "target_members")),
        ("membership bound", "canaries.npz", ("scores", "members")),
        ("leave-one-out fit", "records.npz", ("x", "y")),
        ("leave-one-out query", "queries.npz", ("queries",)),
        ("leave-one-out optimise", "records.npz", ("x", "y")),
        ("leave-one-out landscape", "records.npz", ("x",)),
        ("leave-one-out retrain", "images.npz", ("images", "labels")),
        ("membership cohort", "images.npz", ("images", "labels")),
        ("membership privacy", "images.npz", ("images",)),
        ("membership study", "images.npz", ("images",)),
        ("membership ensemble", "runs/3/aux_arrays.npz", ("correctness_test",)),
    ):
        for key in keys:

            def edit(world: Path, file: str = file, key: str = key) -> None:
                keep_time(lambda path: shift_array(path, key), world / file)

            yield Change("arrays", f"{command}: rows of {key}", command, edit=edit)
    for command, file in (
        ("coverage importance", "classifier"),
        ("coverage wisdom", "classifier"),
        ("coverage measure", "classifier"),
        ("coverage monitor", "classifier"),
        ("membership audit", "classifier"),
        ("dejavu two-model", "encoder_a"),
        ("dejavu two-model", "encoder_b"),
        ("dejavu one-model", "encoder_a"),
        ("dejavu linear-probe", "encoder_a"),
    ):

        def edit_weights(world: Path, file: str = file) -> None:
            keep_time(change_weights, world / f"{file}.safetensors")

        def edit_card(world: Path, file: str = file) -> None:
            path = world / f"{file}.json"
            keep_time(lambda card: card.write_text(card.read_text().replace("0.25", "0.26")), path)

        yield Change("weights", f"{command}: a bit of {file}", command, edit=edit_weights)
        yield Change("weights", f"{command}: the card of {file}", command, edit=edit_card)


OPTIONS: dict[str, tuple[str, ...]] = {
    "train": ("--seed=1", "--train.epochs=4", "--train.learning-rate=0.001",
              "--train.mean=0.5,0.5,0.5", "--train.first-view.flip=0", "--train.projector=8-5"),
    "audit": ("--seed=1", "--k=6", "--min-crop-px=3", "--membership.curvature-probes=2",
              "--membership.models=8", "--coverage.criteria=nc", "--leave-one-out.noise=0.2",
              "--no-controls"),
    "data split": ("--per-class=3", "--shuffle"),
    "data crops": ("--size=17", "--min-crop-px=3", "--crop=slab"),
    "dejavu attack": ("--k=9", "--metric=cosine", "--top-percent=50", "--top-classes=2",
                      "--seed=1"),
    "dejavu two-model": ("--k=6", "--metric=cosine", "--layer=backbone", "--no-controls",
                         "--top-percent=50", "--crop=slab", "--voting=3"),
    "dejavu sweep": ("--vary=k=5:7", "--train.epochs=4", "--metric=cosine"),
    "dejavu one-model": ("--folds=3", "--k=6", "--classifier.epochs=3", "--no-controls",
                         "--no-calibrate", "--learn-from=all"),
    "dejavu linear-probe": ("--probe.epochs=3", "--seed=1", "--view.flip=0"),
    "membership attack": ("--attacks=rmia", "--param=rmia.gamma=3", "--param=rmia.offline=true",
                          "--no-controls", "--seed=1"),
    "membership audit": ("--curvature-probes=2", "--curvature-step=0.01", "--no-controls",
                         "--no-curvature",
                         "--shadows=5", "--train.epochs=3", "--records=16", "--white-box",
                         "--centre-fraction=0.8", "--attacks=rmia", "--param=rmia.gamma=3"),
    "membership cohort": ("--models=8", "--curvature-probes=2", "--train.epochs=3",
                          "--population=0.1",
                          "--records=40", "--no-controls", "--attacks=lira", "--masks=coins"),
    "membership privacy": ("--canaries=24", "--epsilons=5", "--canary-kind=natural",
                           "--method=tradeoff", "--confidence=0.9", "--train.epochs=3"),
    "membership bound": ("--delta=1e-4", "--confidence=0.9", "--budget=0.2,0.2",
                         "--method=tradeoff"),
    "membership study": ("--subsets=3", "--curvature-probes=2", "--train.epochs=3", "--values=2,4"),
    "membership ensemble": ("--memorization-cut=0.1", "--influence-cut=0.05"),
    "leave-one-out fit": ("--noise=0.2", "--kernel=rbf", "--depth=2", "--records=20",
                          "--method=exact", "--seed=1"),
    "leave-one-out query": ("--among-records",),
    "leave-one-out optimise": ("--removed=4", "--steps=30", "--objective=kl_out_in", "--seed=1"),
    "leave-one-out landscape": ("--removed=4", "--steps-per-side=4", "--half-length=0.7",
                                "--lines=1"),
    "leave-one-out retrain": ("--pairs=9", "--removed=4", "--train.width=9", "--train.epochs=3",
                              "--subsets=3", "--queries=5"),
    "coverage importance": ("--attributions=random", "--sign=abs", "--records=16",
                            "--target=predicted", "--reduce=mean"),
    "coverage wisdom": ("--attributions=la", "--top-neurons=5", "--records=24", "--mode=coarse"),
    "coverage measure": ("--criteria=nc", "--param=kmnc.k=7", "--attribution=random",
                         "--member-records=16", "--storage=float16", "--third=last"),
    "coverage monitor": ("--top-neurons=5", "--clusters=3", "--attribution=random",
                         "--member-records=16"),
}  # fmt: skip


def option_changes() -> Iterator[Change]:
    """Yield changes of one option each."""
    for command, options in OPTIONS.items():
        for option in options:
            yield Change("options", f"{command}: {option}", command, (option,))


def try_change(change: Change, world: Path, folder: Path, first: Path) -> Row:
    """Run into a copy of a finished study after one change; compare with a fresh run."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(first, folder / "study", symlinks=True)
    moved = world.with_name("moved")
    shutil.rmtree(moved, ignore_errors=True)
    os.rename(world, moved)
    try:
        shutil.copytree(moved, world, symlinks=True)
        change.edit(world)
        words = commands(world)[change.command]
        for word in change.words:
            words = [*without(words, word.partition("=")[0]), word]
        again = call([*words, "--out", str(folder / "study")], timeout=120)
        fresh = call([*words, "--out", str(folder / "fresh")], timeout=120)
    finally:
        shutil.rmtree(world)
        os.rename(moved, world)
    if again.code == 2:
        return Row(change.group, f"{change.name}: {again.sentence}")
    if again.code != 0:
        return Row(change.group, change.name, f"exit code {again.code}: {again.err[-300:]}")
    if fresh.code != 0:
        return Row(change.group, change.name, f"accepted, but refused afresh: {fresh.sentence}")
    wrong = [
        name
        for name in differing(tree(folder / "fresh"), tree(folder / "study"))
        if (folder / "fresh" / name).exists()
    ]
    return Row(change.group, change.name, f"stale: {', '.join(wrong)}" if wrong else "")


def main() -> int:
    """Try all changes and print the table; return 1 if any was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--match", default="", help="only changes whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="print what each call answered")
    arguments = parser.parse_args()
    root = arguments.out.resolve()
    shutil.rmtree(root, ignore_errors=True)
    world = make_world(root)
    import_heavy()
    os.chdir(root)
    rows = []
    for change in [*input_changes(), *option_changes()]:
        if arguments.match not in f"{change.group}/{change.name}":
            continue
        first = root / "first" / change.command.replace(" ", "_")
        if not first.exists():
            outcome = call([*commands(world)[change.command], "--out", str(first)], timeout=120)
            if outcome.code != 0:
                raise SystemExit(f"{change.command}: {outcome.err}")
        rows.append(try_change(change, world, root / "change", first))
        if rows[-1].lost:
            print(f"{change.name}: {rows[-1].lost}", file=sys.stderr, flush=True)
    if arguments.verbose:
        print("\n".join(f"{row.what} | {row.detail}" for row in rows))
    return min(print_rows("change between two runs", rows), 1)


if __name__ == "__main__":
    sys.exit(main())
