"""The image: what its build runs is a command of this version, and it does not run as root."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from imprint.audits.options import AuditOptions
from imprint.study.config import parse

ROOT = Path(__file__).parents[1]


def instructions() -> list[str]:
    text = (ROOT / "Dockerfile").read_text()
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [line for line in joined.splitlines() if line.strip()]


def test_the_miniature_of_the_build_has_options_of_the_audit() -> None:
    run = next(line for line in instructions() if "imprint audit" in line)
    words = shlex.split(run.partition("imprint audit ")[2].partition("&&")[0])
    options = parse(AuditOptions, words, "imprint")
    assert options.train.architecture == "mlp"
    assert options.out == Path("check")


def test_the_last_user_is_not_root() -> None:
    users = [line.split()[1] for line in instructions() if line.startswith("USER")]
    assert users == ["imprint"]


def test_what_is_copied_is_not_ignored() -> None:
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        word
        for line in instructions()
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in kept)
