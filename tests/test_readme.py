"""The README and docs/usage.md: their commands are accepted, their numbers are those of a run."""

import json
import re
import shlex
from pathlib import Path

import pytest

import imprint
from imprint.report.terminal import TERMINAL, to_text
from imprint.study.command import COMMANDS
from imprint.study.config import parse

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/usage.md", "docs/scale.md")
RUN = json.loads((ROOT / "docs" / "first_audit.json").read_text())


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def commands():
    """Yield every call of imprint in the pages, as words."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words and Path(words[0]).name == "imprint":
                    yield words[1:]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_command_is_accepted_without_an_old_name(words, capsys):
    name = next(name for name in (" ".join(words[:2]), words[0]) if name in set(COMMANDS.names()))
    command = COMMANDS.get(name)
    parse(command.options, command.spelled_out(words[len(name.split()) :]), name)
    assert capsys.readouterr().err == ""


def test_the_targets_of_make_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make (\w+)", "".join(blocks("README.md", "sh")), flags=re.MULTILINE)
    assert targets == ["audit", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


def test_every_command_and_list_that_is_named_exists():
    text = (ROOT / "README.md").read_text()
    named = re.findall(r"`imprint (list \w+)`", text)
    for cell in re.findall(r"(?m)^\| [^|]+ \| (`[a-z-]+ .*?) \|", text):
        group, *_ = cell.strip("`").split()
        words = re.findall(r"`([a-z- ]+)`", cell)
        named += [word if word.startswith(group) else f"{group} {word}" for word in words]
    assert len(named) > 20
    assert [name for name in named if name not in COMMANDS.names()] == []


def test_every_function_that_is_named_exists():
    named = re.findall(r"`imprint\.(\w+)(?:\.(\w+))?`", (ROOT / "README.md").read_text())
    assert named
    for namespace, name in named:
        module = getattr(imprint, namespace)
        assert not name or callable(getattr(module, name))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert links
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_what_the_audit_prints_is_that_of_a_run_of_this_version():
    assert RUN["imprint"] == imprint.__version__
    printed = to_text(TERMINAL.get("dejavu")(RUN["dejavu"]))
    assert f"```\n{printed}\n```" in (ROOT / "README.md").read_text()


INTERVAL = re.compile(r"([+−-]?[\d.]+)%? \[([+−-]?[\d.]+)%?, ([+−-]?[\d.]+)%?\]")


def test_every_printed_value_lies_in_its_interval_and_in_the_run():
    (block,) = re.findall(r"```\n(Déjà vu.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    printed = [
        tuple(float(number.replace("−", "-")) for number in numbers)
        for numbers in INTERVAL.findall(block)
    ]
    assert len(printed) == 6
    assert all(low <= value <= high for value, low, high in printed)
    estimates = [
        (100 * estimate["value"], *(100 * end for end in estimate["ci95"]))
        for share in RUN["dejavu"]["two_model"].values()
        for estimate in share.values()
        if "ci95" in estimate
    ]
    for numbers in printed:
        assert any(numbers == pytest.approx(estimate, abs=0.051) for estimate in estimates)
