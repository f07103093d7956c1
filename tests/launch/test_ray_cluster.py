import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.launch import ray_cluster
from imprint.launch.launcher import run_tasks, using
from imprint.launch.ray_cluster import RayLauncher
from tests.launch import launcher_checks as checks
from tests.launch.probe_tasks import sum_of


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """Start one cluster for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED"):
            patch.setenv(name, "")
        launcher = RayLauncher()
        launcher._start()
        yield launcher
        launcher.close()
    assert not os.path.exists(launcher._folder)


def test_tasks_whose_workers_are_killed_are_done_once(launcher, tmp_path):
    checks.check_crashes(launcher, tmp_path)


def test_a_failed_task_is_left_alone_until_it_is_asked_for(launcher, tmp_path):
    checks.check_failures(launcher, tmp_path)


def test_a_task_that_kills_its_workers_fails(launcher, tmp_path):
    checks.check_deaths(launcher, tmp_path)


def test_workers_are_set_up_like_the_command(launcher, tmp_path, monkeypatch):
    checks.check_settings(launcher, tmp_path, monkeypatch)


def test_arrays_arrive(launcher, tmp_path):
    assert checks.check_arrays(launcher, tmp_path) == [False, True, False]


def test_a_cohort_has_the_same_bytes_as_on_this_machine(launcher, tmp_path):
    images = composite(40)
    alone = checks.train_tiny_cohort(images, tmp_path / "alone")
    assert checks.train_tiny_cohort(images, tmp_path / "ray", launcher) == alone
    assert len(alone) > 8


def test_ray_phones_nobody_and_keeps_no_token_at_home(launcher):
    import ray
    from ray._common.usage.usage_lib import usage_stats_enabled

    assert not usage_stats_enabled()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    dashboard = ray._private.worker.global_worker.node.webui_url
    assert not dashboard


def test_tasks_too_large_for_every_machine_are_refused(launcher, tmp_path):
    with (
        using(checks.Kept(launcher, cpus=4096)),
        pytest.raises(ImprintError, match="no machine of the Ray cluster holds a task of 4096"),
    ):
        run_tasks(sum_of, [(1, "sum")], "sum", 0, study=tmp_path, keys="a")


def test_the_refusal_of_a_task_states_what_machines_have():
    node = {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0, "memory": 30.0 * 2**30}}
    cluster = SimpleNamespace(nodes=lambda: [node])
    wanted = {"num_cpus": 1, "num_gpus": 0.0, "memory": 99 * 2**30}
    with pytest.raises(ImprintError, match=r"more than 8 CPUs, 2 GPUs and 30\.0 GiB for tasks"):
        ray_cluster._check_room(cluster, wanted, 0)


def test_a_running_cluster_needs_its_token(monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ImprintError, match="needs its token: set RAY_AUTH_TOKEN"):
        ray_cluster._authenticate("host:6379")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x")
    ray_cluster._authenticate("host:6379")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "h:99999999999"])
def test_an_address_where_nothing_answers_is_refused_at_once(address):
    with pytest.raises(ImprintError, match=f"no Ray cluster answers at {address}"):
        ray_cluster._check_reachable(address)


@pytest.mark.parametrize("address", ["host", "host:", ":1", "host:x", "\0"])
def test_an_address_has_a_host_and_a_port(address):
    with pytest.raises(ImprintError, match="must be HOST:PORT or auto"):
        ray_cluster._check_reachable(address)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    def refuse(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(ray_cluster.importlib, "import_module", refuse)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[ray\]'"):
        ray_cluster._import_ray()


def test_states_are_plain_json(launcher, tmp_path):
    with using(checks.Kept(launcher)):
        run_tasks(sum_of, [(np.ones(2), "sum")], "sum", 0, study=tmp_path, keys=["../../a\x1b"])
    (state,) = (tmp_path / ".tasks/sum").glob("_.._a*.json")
    assert json.loads(state.read_text())["key"] == "../../a\x1b"
