from __future__ import annotations

from pathlib import Path

import yaml

from imprint.study.config import parse
from imprint.study.plain import to_plain
from tests.study.small_options import Inner, Outer, write


def test_plain_options_replay_themselves(tmp_path):
    options = Outer(out=Path("x"), percents=(30.0,), extra=(("a", "1"),), train=Inner(active=False))
    file = write(tmp_path, yaml.safe_dump(to_plain(options)))
    assert parse(Outer, ["--config", file], "test") == options
