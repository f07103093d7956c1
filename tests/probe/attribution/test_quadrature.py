from imprint.probe.attribution.attribution_options import AttributionOptions
from tests.probe.attribution.networks import (
    Modules,
    ask,
    build,
    close,
    compute,
)


def test_the_path_may_be_cut_anywhere():
    one = ask(build(Modules), AttributionOptions(steps=10, rows=1))
    other = ask(build(Modules), AttributionOptions(steps=10, rows=1000))
    for name in ("ii", "lc", "lig"):
        close(compute(name, one), compute(name, other), 1e-5)
