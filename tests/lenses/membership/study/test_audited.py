import numpy as np
import pytest

from imprint import membership
from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.audited import open_audit, open_model
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.store import Study

CARD = ModelCard("mlp", 3, 2, 4, (0.5,), (0.25,), {"widths": "4"})


@pytest.fixture
def options(tmp_path):
    random = np.random.default_rng(0)
    for name, classes in (("seen", 2), ("unseen", 2), ("three", 3)):
        pixels = random.integers(0, 256, (24, 4, 4, 3), dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=pixels, labels=np.arange(24) % classes)
    save_model(tmp_path / "net.safetensors", initial_model(CARD, 0), CARD)

    def make(**changes):
        values = {
            "out": tmp_path / "out",
            "model": tmp_path / "net.safetensors",
            "members": tmp_path / "seen.npz",
            "non_members": tmp_path / "unseen.npz",
        }
        return MembershipOptions(**{**values, **changes})

    return make


def test_members_come_first_and_half_of_the_non_members_are_the_population(options, tmp_path):
    audited = open_audit(Study(tmp_path / "out"), options(records=0))
    assert audited.records.members.tolist() == [True] * 24 + [False] * 12
    facts = audited.facts()
    assert (facts["members"], facts["non_members"], facts["population"]) == (24, 12, 12)
    assert facts["trained_on"] == "seen.npz"
    assert audited.card == CARD


def test_a_network_of_fewer_classes_is_an_error(options, tmp_path):
    three = dict.fromkeys(("members", "non_members"), tmp_path / "three.npz")
    with pytest.raises(ImprintError, match=r"has 2 outputs, but .*three.npz has 3 classes"):
        open_audit(Study(tmp_path / "out"), options(**three))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "give either --model, a file of weights, or --scorer"),
        ({"scorer": "a:b"}, "give either --model, a file of weights, or --scorer"),
        ({"model": None, "scorer": "a:b", "mean": (0.5,)}, "--mean is about the weights"),
        ({"model": None, "scorer": "a:b", "white_box": True}, "a black-box model has no architec"),
    ],
)
def test_weights_and_scorers_exclude_one_another(options, changes, message):
    with pytest.raises(ImprintError, match=message):
        open_model(options(**changes), 3)


def test_an_audit_from_python_gives_findings_and_scores_and_resumes(options, tmp_path):
    given = {name: str(getattr(options(), name)) for name in ("model", "members", "non_members")}
    small = {"curvature": False, "controls": False, "attacks": ("loss", "attack_p")}
    result = membership.audit(**given, out=tmp_path / "study", **small)
    assert set(result.scores) == {"loss", "attack_p"}
    assert result["loss"].auc.n == len(result.members) == 24
    assert (tmp_path / "study" / "report.html").is_file()
    again = membership.audit(**given, out=tmp_path / "study", **small)
    assert again.findings == result.findings
    with pytest.raises(ImprintError, match="made with other settings"):
        membership.audit(**given, out=tmp_path / "study", **{**small, "controls": True})
