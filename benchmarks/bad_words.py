"""Calls whose words are wrong: options missing, unknown, unreadable, impossible, contradictory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imprint.study.command import COMMANDS
from imprint.study.option_tree import Option, options_of
from miniatures import commands


@dataclass(frozen=True)
class Case:
    """One call that must be refused.

    Attributes:
        group: which kind of mistake.
        name: the mistake in words.
        words: of the call, without ``--out``.
        needs_out: whether ``--out`` is added; the case names its own otherwise.
        prepare: makes what the call needs in the folder ``--out`` will lie in.
    """

    group: str
    name: str
    words: list[str]
    needs_out: bool = True
    prepare: Callable[[Path], None] = lambda folder: None


def word_cases(world: Path) -> Iterator[Case]:
    """Yield every call with wrong words; ``world`` holds the miniatures."""
    calls = commands(world)
    for name, words in calls.items():
        yield from _common_cases(name, words, world)
    yield from _option_cases(calls, world)
    yield from _contradictions(calls, world)
    yield from _no_command_cases()


def _common_cases(name: str, words: list[str], world: Path) -> Iterator[Case]:
    def case(what: str, *more: str, needs_out: bool = True) -> Case:
        return Case("words every command shares", f"{name}: {what}", [*words, *more], needs_out)

    yield case("--out left out", needs_out=False)
    yield case("--out without a value", "--out", needs_out=False)
    yield case("--out is a file", "--out", str(world / "tags.txt"), needs_out=False)
    yield case("--out below a file", "--out", str(world / "tags.txt" / "out"), needs_out=False)
    yield case("--out where nothing can be written", "--out", "/proc/out", needs_out=False)
    yield case("--out of 300 characters", "--out", str(world / ("x" * 300)), needs_out=False)
    yield case("an option that does not exist", "--no-such-option", "1")
    yield case("a misspelt option", "--sede", "1")
    yield case("a stray word", "stray")
    yield case("--seed is a word", "--seed", "many")
    yield case("--seed of 10²³", "--seed", "1" + "0" * 23)
    yield case("--device gpu", "--device", "gpu")
    yield case("--config missing", "--config", str(world / "nowhere.yaml"))
    yield case("--config is a folder", "--config", str(world / "train"))
    yield case("--config is an image", "--config", str(world / "train/ant/train00.png"))


NOT_NUMBERS = {"INT": ["many", "1.5"], "FLOAT": ["many", "nan", "inf", "1e300"]}
ANY_INTEGER = {"seed", "layer_index"}
"""Options of which -1 is a value."""
NEGATIVE = {"b_std"}
"""Options that take -1: a variance of none."""
UNREAD = {
    "tags",
    "feature_encoder",
    "label_only_queries",
    "order",
    "selector_records",
    "search_trials",
}
"""Options that the miniature of no command reads."""
UNREAD_BY = {("membership audit", "train.architecture")}
"""Options that this command does not read: shadow models are built like the target."""
FREE_WORDS = {"name", "prompt", "key_prefix"}
"""Options that take any word."""
FREE_NAMES = {"exclude", "exclude_layers"}
"""Lists that take any name."""


def _option_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    """Yield bad values of every option, each on one command that has it."""
    known: set[tuple[type, str]] = set()
    quick_first = sorted(calls, key=lambda name: name in ("audit", "dejavu sweep"))
    for name in quick_first:
        for option in options_of(COMMANDS.get(name).options):
            key = (option.owner, option.name)
            if key in known or (name, ".".join(option.path)) in UNREAD_BY:
                continue
            known.add(key)
            for value, what in _bad_values(option, world):
                words = [*without(calls[name], option.flag), f"{option.flag}={value}"]
                yield Case("values of options", f"{name}: {option.flag} {what}", words)


def _bad_values(option: Option, world: Path) -> Iterator[tuple[str, str]]:
    """Yield values that an option cannot take, and the value in words."""
    kind, metavar = option.plain_kind, option.metavar
    if option.is_switch or option.name in ("out", "seed", "device", *UNREAD):
        return
    if option.choices:
        yield "no-such-choice", "is no choice"
    elif "NUMBER" in metavar:
        yield from (("a,b", "are words"), ("1,nan", "holds NaN"))
    elif "INT,INT" in metavar:
        yield from (("a,b", "are words"), ("1.5", "is a fraction"))
    elif "NAME=VALUE" in metavar:
        yield "no-equals-sign", "has no value"
    elif "NAME,NAME" in metavar:
        if option.name not in FREE_NAMES:
            yield "no-such-name", "is no known name"
    elif kind is Path:
        yield str(world / "nowhere"), "does not exist"
        yield str(world / "empty.bin"), "is an empty file"
        yield str(world / "noise.bin"), "is a file of noise"
        yield "x" * 300, "has 300 characters"
    elif kind is int:
        yield from (("many", "is a word"), ("1.5", "is a fraction"))
        if option.name not in ANY_INTEGER:
            yield "-1", "is -1"
    elif kind is float:
        yield from (("many", "is a word"), ("nan", "is NaN"), ("1e300", "is 10³⁰⁰"))
        if option.name not in NEGATIVE:
            yield "-1", "is -1"
    elif kind is str and option.name not in FREE_WORDS:
        yield "no-such-name", "is no known name"


def without(words: list[str], flag: str) -> list[str]:
    """Return the words less an option and its value."""
    kept = []
    left = iter(words)
    for word in left:
        if word == flag:
            next(left, "")
        elif not word.startswith(f"{flag}="):
            kept.append(word)
    return kept


def _contradictions(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    for name, what, more in (
        ("audit", "--decision logits of a backbone", ["--decision=logits", "--layer=backbone"]),
        ("audit", "--k above the public images", ["--k=5000"]),
        ("audit", "--per-class above the class", ["--per-class=500"]),
        ("audit", "--top-classes above the neighbours", ["--top-classes=99"]),
        ("audit", "--voting above k", ["--voting=6"]),
        ("audit", "no projector to attack", ["--train.projector=", "--layer=projector"]),
        ("audit", "--composite-count beside --data", ["--composite-count=50"]),
        ("audit", "one membership model", ["--membership.models=1"]),
        ("train", "--train.warmup-epochs above epochs", ["--train.warmup-epochs=50"]),
        ("train", "--train.stop-after above epochs", ["--train.stop-after=50"]),
        ("train", "--train.batch-size 1", ["--train.batch-size=1"]),
        ("train", "an option of another objective", ["--train.objective-options=temperature=1"]),
        ("train", "an option of another architecture", ["--train.architecture-options=depth=1"]),
        ("train", "a projector of words", ["--train.projector=wide"]),
        ("train", "--train.resolution shrinks", ["--train.resolution.min-resolution=64"]),
        ("data split", "--per-class above the class", ["--per-class=500"]),
        ("data split", "--per-class 0", ["--per-class=0"]),
        ("data crops", "--size 0", ["--size=0"]),
        ("data crops", "--corner-fraction 2", ["--corner-fraction=2", "--crop=corner"]),
        ("data crops", "--centre-fraction 1.8", ["--centre-fraction=1.8"]),
        ("dejavu attack", "--k above the public rows", ["--k=100"]),
        ("dejavu attack", "--top-percent 0", ["--top-percent=0"]),
        ("dejavu attack", "--top-percent empty", ["--top-percent="]),
        ("dejavu two-model", "--top-percent 300", ["--top-percent=300"]),
        ("dejavu two-model", "--per-class that was not split", ["--per-class=3"]),
        ("dejavu one-model", "an unknown reference", ["--references=crystal_ball"]),
        ("dejavu one-model", "--tags is an empty file",
         ["--references=naive_bayes", "--tags", str(world / "empty.bin")]),
        ("dejavu one-model", "--feature-encoder is an empty file",
         ["--references=linear_head", "--feature-encoder", str(world / "empty.bin")]),
        ("dejavu one-model", "--folds 1 of one reference", ["--folds=0"]),
        ("dejavu one-model", "--model and --arrays",
         ["--arrays", str(world / "embeddings.npz")]),
        ("dejavu sweep", "--vary of nothing", ["--vary=k="]),
        ("dejavu sweep", "--vary of an unknown option", ["--vary=colour=1:2"]),
        ("dejavu linear-probe", "a negative learning rate", ["--probe.start-learning-rate=-1"]),
        ("dejavu linear-probe", "no epochs", ["--probe.epochs=0"]),
        ("membership attack", "an unknown attack", ["--attacks=crystal_ball"]),
        ("membership audit", "--model and --scorer", ["--scorer=a:b"]),
        ("membership audit", "one shadow model", ["--shadows=1"]),
        ("membership audit", "--centre-fraction 0", ["--centre-fraction=0"]),
        ("membership cohort", "three models", ["--models=3"]),
        ("membership cohort", "--population 1", ["--population=1"]),
        ("membership ensemble", "--memorization-cut 3", ["--memorization-cut=3"]),
        ("membership privacy", "more canaries than images", ["--canaries=5000"]),
        ("membership privacy", "--epsilons negative", ["--epsilons=-1"]),
        ("membership privacy", "--confidence 1", ["--confidence=1"]),
        ("membership bound", "--delta 1", ["--delta=1"]),
        ("membership bound", "--confidence 0", ["--confidence=0"]),
        ("membership bound", "--budget above all", ["--budget=0.9,0.9"]),
        ("membership bound", "a method of many runs", ["--method=rates"]),
        ("membership study", "--values descending below 1", ["--values=0"]),
        ("leave-one-out fit", "--noise 0", ["--noise=0"]),
        ("leave-one-out fit", "--noise empty", ["--noise="]),
        ("leave-one-out fit", "--depth of a kernel without", ["--kernel=rbf", "--depth=3"]),
        ("leave-one-out fit", "--kernel conv of rows", ["--kernel=conv"]),
        ("leave-one-out fit", "--memory too little", ["--method=exact", "--memory=1e-9"]),
        ("leave-one-out query", "nothing asked", ["--queries="]),
        ("leave-one-out query", "--groups that are none", ["--groups=nobody"]),
        ("leave-one-out optimise", "more removed than records", ["--removed=500"]),
        ("leave-one-out optimise", "--target-share 2", ["--target-share=2"]),
        ("leave-one-out landscape", "--half-length 0", ["--half-length=0"]),
        ("leave-one-out retrain", "one pair", ["--pairs=1"]),
        ("leave-one-out retrain", "more left out than records", ["--removed=500"]),
        ("leave-one-out retrain", "a kernel without networks", ["--kernel=rbf"]),
        ("leave-one-out compare", "an unknown estimator", ["--estimators=crystal_ball"]),
        ("coverage importance", "an unknown attribution", ["--attributions=crystal_ball"]),
        ("coverage importance", "--top-neurons 0", ["--top-neurons=0"]),
        ("coverage wisdom", "--batch-size 0", ["--batch-size=0"]),
        ("coverage measure", "an unknown criterion", ["--criteria=crystal_ball"]),
        ("coverage measure", "an option of no criterion", ["--param=kmnc.colour=3"]),
        ("coverage measure", "an unknown layer", ["--layers=crystal_ball"]),
        ("coverage measure", "network and arrays", ["--arrays", str(world / "activations.npz")]),
        ("coverage monitor", "--clusters -1", ["--clusters=-1"]),
    ):  # fmt: skip
        yield Case("options that cannot be", f"{name}: {what}", [*calls[name], *more])


def _no_command_cases() -> Iterator[Case]:
    for words in (["audti"], ["dejavu", "nothing"], ["data"], ["--oops"], [""], ["report", "-x"]):
        yield Case("no command", " ".join(words) or "an empty word", words)
