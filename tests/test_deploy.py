"""The files of deploy/: their commands are of this version, and no secret stands in them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imprint.study.command import COMMANDS
from imprint.study.config import parse

FOLDER = Path(__file__).parents[1] / "deploy"
FILES = sorted(FOLDER.iterdir())


def calls(text: str) -> list[list[str]]:
    """Return the words of every call of imprint in a file, comments included."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^# {0,3}", "", text, flags=re.MULTILINE))
    found = re.findall(r"^ *(imprint (?:membership|dejavu|audit).*)$", joined, flags=re.MULTILINE)
    found += re.findall(r"exec head +(imprint .*)$", joined, flags=re.MULTILINE)
    return [shlex.split(call)[1:] for call in found]


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def accept(words: list[str]) -> None:
    name = next(name for name in (" ".join(words[:2]), words[0]) if name in set(COMMANDS.names()))
    # A shell fills ${NAME:-default} and ${NAME:?what it is} in.
    filled = [re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", word) for word in words]
    parse(COMMANDS.get(name).options, filled[len(name.split()) :], name)


@pytest.mark.parametrize("name", ["compose.yaml", "study.sbatch"])
def test_commands_are_accepted(name: str) -> None:
    found = calls((FOLDER / name).read_text())
    assert found
    for words in found:
        accept(words)


def test_the_job_of_kuberay_runs_a_command_that_is_accepted() -> None:
    (job,) = (each for each in documents("rayjob.yaml") if each["kind"] == "RayJob")
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[0] == "imprint"
    accept(words[1:])


def test_every_container_of_kuberay_sees_the_study_and_reports_no_usage() -> None:
    claim, job = documents("rayjob.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert cluster["authOptions"]["mode"] == "token"
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        (volume,) = pod["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/study"}]
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


def test_nodes_of_compose_share_the_study_and_a_token_that_is_not_in_the_file() -> None:
    (compose,) = documents("compose.yaml")
    for node in compose["services"].values():
        assert node["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")
        assert node["environment"]["RAY_USAGE_STATS_ENABLED"] == "0"
        assert [volume.split(":")[-1] for volume in node["volumes"]] == ["/study"]


def test_the_version_of_ray_is_the_one_that_is_pinned() -> None:
    pinned = re.search(r"^ray==(\S+)", (FOLDER.parent / "constraints.txt").read_text(), re.M)
    (job,) = (each for each in documents("rayjob.yaml") if each["kind"] == "RayJob")
    assert pinned is not None
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]


def test_the_script_of_slurm_is_one_that_bash_reads() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", str(FOLDER / "study.sbatch")], check=True)


def test_extras_that_images_are_built_with_exist() -> None:
    extras = set(re.findall(r"^(\w+) = \[", (FOLDER.parent / "pyproject.toml").read_text(), re.M))
    named = {
        extra
        for file in FILES
        for group in re.findall(r"EXTRAS=(\S+)", file.read_text())
        for extra in group.split(",")
    }
    assert named == {"ray", "kuberay"}
    assert named <= extras
