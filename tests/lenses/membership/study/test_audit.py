import json
import shutil
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from imprint.cli import main
from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.lenses.membership.findings import BothSides, MembershipFindings, ShadowFit
from imprint.lenses.membership.study.audit import audit_membership, warn_if_shadows_fit_differently
from imprint.lenses.membership.study.copies import distinct_records
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.finding import from_json
from imprint.study.tables import read_table
from imprint.train.cohort.masks import read_masks
from imprint.train.cohort.options import CohortOptions

SIDE, CLASSES, EACH = 6, ("ant", "bee", "cat"), 16
CARD = ModelCard("mlp", 3, 3, SIDE, (0.5,), (0.25,), {"widths": "96"})
SHADOW = CohortOptions(epochs=4, batch_size=16, learning_rate=0.3, engine="sequential")
K0 = {
    "attack_p",
    "attack_p_curvature",
    "entropy",
    "loss",
    "mentr",
    "qmia",
    "qmia_curvature",
    "quantile",
    "quantile_curvature",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two folders of noise with labels, and a network that learnt the first by heart."""
    root = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(0)
    count = EACH * len(CLASSES)
    pixels = random.integers(0, 256, (2, count, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(count) % len(CLASSES)
    for name, pictures in zip(("seen", "unseen"), pixels, strict=True):
        for row, picture in enumerate(pictures):
            file = root / name / CLASSES[labels[row]] / f"{row:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(file)
    model = initial_model(CARD, 0)
    inputs = torch.from_numpy(pixels[0]).permute(0, 3, 1, 2).float() / 255
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), torch.from_numpy(labels)).backward()
        optimizer.step()
    save_model(root / "net.safetensors", model, CARD)
    return root


def options(folder, out, **changes):
    values = {
        "out": out,
        "json": True,
        "model": folder / "net.safetensors",
        "members": folder / "seen",
        "non_members": folder / "unseen",
        "records": 0,
        "curvature_probes": 2,
        "train": SHADOW,
    }
    return MembershipOptions(**{**values, **changes})


@pytest.fixture(scope="module")
def bare(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("bare") / "study"
    audit_membership(options(folder, out))
    return out


@pytest.fixture(scope="module")
def shadowed(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("shadowed") / "study"
    changes = {"shadows": 4, "augmentations": ("identity", "flip"), "records": 40}
    audit_membership(options(folder, out, **changes))
    return out


def findings(study):
    return json.loads((study / "summary.json").read_text())["lenses"]["membership"]


def test_a_network_that_knows_its_members_by_heart_is_caught(bare):
    content = findings(bare)
    assert set(content["attacks"]) == K0
    assert content["skipped"]["lira"] == "needs reference models, and there are none"
    for name in ("loss", "mentr", "attack_p", "quantile"):
        assert content["attacks"][name]["auc"]["ci95"][0] > 0.8
    assert content["attacks"]["loss"]["auc"]["n"] == 72
    assert content["attacks"]["attack_p_curvature"]["reads"] == "log_curvature"
    assert content["triage"]["worth_it"]
    assert content["triage"]["loss_gap"] > 1


def test_every_attack_has_its_number_of_queries(bare, shadowed):
    attacks = findings(bare)["attacks"]
    assert attacks["loss"]["queries"] == 1
    assert attacks["attack_p_curvature"]["queries"] == 9
    attacks = findings(shadowed)["attacks"]
    assert attacks["attack_p"]["queries"] == 1
    assert attacks["lira"]["queries"] == 2
    assert attacks["curvature_lr"]["queries"] == attacks["multi"]["queries"] == 18


def test_controls_find_nothing_where_there_is_nothing(bare):
    for attack in findings(bare)["attacks"].values():
        assert attack["controls"].keys() == {"untrained", "permuted_membership"}
        assert all(control["passed"] for control in attack["controls"].values())


def test_scores_are_of_the_attacked_records_alone(bare):
    for name in K0:
        table = read_table(bare / "membership" / f"{name}.parquet")
        assert list(table) == ["index", "score", "member", "probability"]
        assert table["member"].sum() == 48
        assert (table["member"] == (table["index"] < 48)).all()
    signals = read_table(bare / "tables" / "signals" / "model.parquet")
    attacked, population = signals["index"][:72], signals["index"][72:]
    assert (attacked == table["index"]).all()
    assert len(population) == 24
    assert not set(population) & set(attacked)


def test_exposed_members_are_listed_with_their_pictures(bare):
    exposed = read_table(bare / "membership" / "exposure.parquet")
    assert len(exposed["index"]) == 48
    assert (np.diff(exposed["fpr"]) >= 0).all()
    cards = json.loads((bare / "gallery" / "membership" / "gallery.json").read_text())["cards"]
    indices = [int(card["name"].partition(" · index ")[2]) for card in cards]
    assert indices == exposed["index"][:48].tolist()
    for card in cards[:3]:
        assert card["title"] == card["name"].split("/")[0]
        file = card["pictures"][0]["file"]
        with Image.open(bare / "gallery" / "membership" / file) as picture:
            assert picture.size == (SIDE, SIDE)


def test_shadows_run_the_attacks_with_references(shadowed):
    content = findings(shadowed)
    assert set(content["skipped"]) == {"label_only"}
    assert {"lira_shrunk", "rmia", "curvature_lr", "multi", "watson"} <= content["attacks"].keys()
    assert content["attacks"]["lira_shrunk"]["auc"]["n"] == 40
    assert "swapped_target" in content["attacks"]["rmia"]["controls"]
    assert len(list((shadowed / "tables" / "signals").glob("*.parquet"))) == 6
    assert json.loads((shadowed / "summary.json").read_text())["data"]["population"] == 20
    card = json.loads((shadowed / "models" / "0000" / "final.json").read_text())
    assert card["architecture"] == "mlp"
    assert card["options"] == {"widths": "96"}
    assert card["training"]["epochs"] == 4


def test_shadow_models_that_fit_differently_give_a_warning(shadowed, capsys):
    content = findings(shadowed)
    right = np.stack(
        [
            read_table(shadowed / "tables" / "signals" / f"{row:04d}.parquet")["correct.identity"]
            for row in range(4)
        ]
    )[:, :40]
    masks = read_masks(shadowed / "masks" / "members.npy").members
    assert content["shadows"]["count"] == 4
    assert content["shadows"]["accuracy"]["members"] == pytest.approx(right[masks].mean())
    printed = from_json(MembershipFindings, content, "summary.json")
    warn_if_shadows_fit_differently(replace(printed, shadows=ShadowFit(4, BothSides(0.4, 0.4))))
    assert (
        "shadow models classify 40% of their members correctly, the network 100%"
        in capsys.readouterr().err
    )
    warn_if_shadows_fit_differently(replace(printed, shadows=ShadowFit(4, BothSides(0.97, 0.4))))
    assert capsys.readouterr().err == ""


def test_a_run_that_was_cut_short_ends_with_the_same_bytes(shadowed, tmp_path, folder):
    study = tmp_path / "study"
    shutil.copytree(shadowed, study)
    before = (study / "summary.json").read_bytes()
    lost = ["membership", "gallery", "tables/curvature/0002.parquet", "models/0003"]
    kept = {name: (study / name).stat().st_mtime_ns for name in ("tables/signals/0001.parquet",)}
    for name in lost:
        target = study / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    changes = {"shadows": 4, "augmentations": ("identity", "flip"), "records": 40}
    audit_membership(options(folder, study, **changes))
    assert (study / "summary.json").read_bytes() == before
    assert {name: (study / name).stat().st_mtime_ns for name in kept} == kept


def test_the_command_writes_the_page_and_can_be_replayed(folder, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--model", folder / "net.safetensors", "--members", folder / "seen"]
    words += ["--non-members", folder / "unseen", "--records", "24", "--no-curvature"]
    main(["membership", "audit", "--out", str(out), *map(str, words)])
    printed = capsys.readouterr()
    assert "Membership inference attacks" in printed.out
    assert "triage: Clear average signal: members have lower loss on average" in printed.err
    assert "cost: 1 model call for each record" in printed.err
    assert (out / "report.html").is_file()
    again = yaml.safe_load((out / "options.yaml").read_text())
    assert again["records"] == 24
    config = ["--config", str(out / "options.yaml"), "--out", str(tmp_path / "again")]
    main(["membership", "audit", *config, "--json"])
    replayed = json.loads(capsys.readouterr().out)
    assert replayed == json.loads((out / "summary.json").read_text())


def test_triage_alone_writes_nothing_else(folder, tmp_path):
    content = audit_membership(options(folder, tmp_path / "out", triage=True))
    assert content["triage"]["worth_it"]
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written - {".lock"} == {"triage.json", "tables", "fingerprints"}


def test_outputs_in_another_order_than_the_folders_are_noticed(folder, tmp_path, capsys):
    for name in ("seen", "unseen"):
        for old, new in (("ant", "3"), ("bee", "1"), ("cat", "2")):
            shutil.copytree(folder / name / old, tmp_path / name / new)
    changes = {"members": tmp_path / "seen", "non_members": tmp_path / "unseen", "triage": True}
    audit_membership(options(folder, tmp_path / "out", **changes))
    assert (
        "only 0% of its members correctly, where guessing gives 33%: check that"
        in capsys.readouterr().err
    )


def test_weights_without_a_card_take_one_from_elsewhere(folder, tmp_path):
    shutil.copy(folder / "net.safetensors", tmp_path / "bare.safetensors")
    changes = {"model": tmp_path / "bare.safetensors", "triage": True}
    with pytest.raises(ImprintError, match="no card"):
        audit_membership(options(folder, tmp_path / "none", **changes))
    changes["card"] = folder / "net.json"
    assert audit_membership(options(folder, tmp_path / "out", **changes))["triage"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shadows": 1}, "shadows must be 0 or at least 2, got 1"),
        ({"records": 2}, "records must be 0 or at least 4, got 2"),
        ({"attacks": ("lira",)}, "no attack can be run: lira needs reference models"),
        ({"attacks": ("no",)}, "unknown attack 'no'"),
        ({"augmentations": ("flip",)}, "augmentations must start with identity"),
    ],
)
def test_impossible_options_are_errors(folder, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        audit_membership(options(folder, tmp_path / "out", curvature=False, **changes))
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_network_of_fewer_classes_cannot_be_audited(folder, tmp_path):
    card = ModelCard("mlp", 3, 2, SIDE, (0.5,), (0.25,), {"widths": "8"})
    save_model(tmp_path / "two.safetensors", initial_model(card, 0), card)
    with pytest.raises(ImprintError, match=r"has 2 outputs, but .*seen has 3 classes"):
        audit_membership(options(folder, tmp_path / "o", model=tmp_path / "two.safetensors"))


def test_the_white_box_adds_attacks_on_gradients(folder, tmp_path):
    content = audit_membership(options(folder, tmp_path / "study", white_box=True, curvature=False))
    attacks = content["lenses"]["membership"]["attacks"]
    for name, kind in (("white_box_trace", "trace"), ("white_box_gradient", "parameter_gradient")):
        assert attacks[name]["reads"] == kind
        assert attacks[name]["auc"]["ci95"][0] > 0.5
    table = read_table(tmp_path / "study" / "tables" / "white_box" / "model.parquet")
    assert {"trace.identity", "input_gradient.identity"} < set(table)


class Answering:
    """What a remote model looks like: it answers, and nothing else is known of it."""

    input_size = SIDE

    def __init__(self, network):
        self.network = network

    def logits(self, inputs):
        with torch.no_grad():
            return self.network(torch.from_numpy(inputs)).numpy()


def use_scorer(monkeypatch, scorer):
    module = types.ModuleType("of_the_user")
    module.make = lambda: scorer
    monkeypatch.setitem(sys.modules, "of_the_user", module)
    consented = {"of_the_user:make", "of_the_user:none", "nowhere:make"}
    monkeypatch.setattr(user_code, "_trusted", consented)


def test_a_black_box_model_is_audited_as_its_weights_are(folder, tmp_path, monkeypatch):
    use_scorer(monkeypatch, Answering(load_model(folder / "net.safetensors").eval()))
    changes = {"model": None, "scorer": "of_the_user:make", "curvature_step": 1e-3}
    content = audit_membership(options(folder, tmp_path / "remote", **changes))
    remote = content["lenses"]["membership"]["attacks"]
    own = audit_membership(options(folder, tmp_path / "own", curvature=False))
    for name in ("loss", "mentr", "attack_p"):
        same = own["lenses"]["membership"]["attacks"][name]
        assert remote[name]["auc"]["value"] == pytest.approx(same["auc"]["value"], abs=1e-6)
        assert "untrained" not in remote[name]["controls"]
    assert remote["attack_p_curvature"]["auc"]["ci95"][0] > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "give either --model"),
        ({"scorer": "of_the_user:make"}, "give either --model"),
        ({"model": None, "scorer": "nowhere:make"}, "cannot import 'nowhere'"),
        ({"model": None, "scorer": "of_the_user:none"}, "has no function 'none'"),
        ({"model": None, "scorer": "of_the_user:make", "shadows": 4}, "no architecture"),
        ({"model": None, "scorer": "of_the_user:make", "white_box": True}, "no architecture"),
    ],
)
def test_scorers_that_cannot_be_used_are_errors(folder, tmp_path, monkeypatch, changes, message):
    use_scorer(monkeypatch, Answering(load_model(folder / "net.safetensors").eval()))
    with pytest.raises(ImprintError, match=message):
        audit_membership(options(folder, tmp_path / "study", **changes))


def test_a_scorer_without_finite_logits_is_an_error(folder, tmp_path, monkeypatch):
    use_scorer(monkeypatch, Answering(lambda images: images))
    with pytest.raises(ImprintError, match="must be finite"):
        audit_membership(options(folder, tmp_path / "study", model=None, scorer="of_the_user:make"))


def copied_folder(folder, root, copies, among_others=0):
    """The same images, each of the seen ones several times, some of them among the unseen too."""
    for part in ("seen", "unseen"):
        for file in sorted((folder / part).rglob("*.png")):
            place = root / part / file.parent.name
            place.mkdir(parents=True, exist_ok=True)
            for copy in range(copies if part == "seen" else 1):
                shutil.copy(file, place / f"{file.stem}-{copy}.png")
    for file in sorted((folder / "seen").rglob("*.png"))[:among_others]:
        shutil.copy(file, root / "unseen" / file.parent.name / f"of-the-members-{file.name}")
    return root


def test_copies_of_images_count_once(folder, bare, tmp_path, capsys):
    """Every member three times: the same records, resolution and intervals as of each once."""
    root = copied_folder(folder, tmp_path / "copied", copies=3)
    given = {"members": root / "seen", "non_members": root / "unseen"}
    audit_membership(options(folder, tmp_path / "study", **given))
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    assert summary["data"]["copies"] == 96
    assert summary["data"]["members"] == 48
    sentence = "96 of 192 images are exact copies of others and count once, in every number here"
    assert sentence in capsys.readouterr().err
    content = summary["lenses"]["membership"]
    assert content["warnings"] == [sentence]
    page = (tmp_path / "study" / "report.html").read_text()
    assert sentence in page
    assert "<h1>What training on <em>seen</em> left behind</h1>" in page  # unseen left nothing
    for name, attack in content["attacks"].items():
        same = findings(bare)["attacks"][name]
        assert attack["auc"]["n"] == same["auc"]["n"]
        assert attack["smallest_fpr"] == same["smallest_fpr"]


def test_members_among_the_others_are_left_out(folder, tmp_path):
    root = copied_folder(folder, tmp_path / "copied", copies=1, among_others=12)
    given = {"members": root / "seen", "non_members": root / "unseen"}
    audit_membership(options(folder, tmp_path / "study", curvature=False, **given))
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    assert summary["data"]["copies"] == 12
    (sentence,) = summary["lenses"]["membership"]["warnings"]
    assert "12 of them were listed as non-members and copy members" in sentence
    with pytest.raises(ImprintError, match="48 of them non-members that copy members: too few"):
        audit_membership(options(folder, tmp_path / "o", non_members=folder / "seen"))


def test_members_that_are_not_attacked_are_no_non_members_either(folder, tmp_path):
    """A draw of 24 of 48 members leaves 24 that the network was trained on all the same."""
    given = {"non_members": folder / "seen", "records": 48, "curvature": False}
    with pytest.raises(ImprintError, match="48 of them non-members that copy members: too few"):
        audit_membership(options(folder, tmp_path / "same", **given))
    root = copied_folder(folder, tmp_path / "copied", copies=1, among_others=12)
    records = distinct_records(joined(root), 48, 1.0, 0)
    trained = {image.read_bytes() for image in (root / "seen").rglob("*.png")}
    images = joined(root)
    outside = np.concatenate([records.index[~records.members], records.population])
    shown = [(root / "unseen" / images.name_of(index)).read_bytes() for index in outside]
    assert not trained & set(shown)
    assert 0 < records.member_copies <= 12


def joined(root):
    return JoinedImages(open_images(root / "seen"), open_images(root / "unseen"), "both")


def test_a_scorer_that_returns_probabilities_is_taken_at_their_logarithms(
    folder, tmp_path, monkeypatch
):
    network = load_model(folder / "net.safetensors").eval()
    use_scorer(monkeypatch, Answering(lambda images: network(images).softmax(dim=1)))
    changes = {"model": None, "scorer": "of_the_user:make", "curvature": False}
    content = audit_membership(options(folder, tmp_path / "remote", **changes))
    content = content["lenses"]["membership"]
    assert content["warnings"][0].startswith("the scorer returns probabilities, rows that sum to 1")
    own = audit_membership(options(folder, tmp_path / "own", curvature=False))
    for name in ("loss", "attack_p", "mentr"):
        same = own["lenses"]["membership"]["attacks"][name]
        assert content["attacks"][name]["auc"]["value"] == pytest.approx(
            same["auc"]["value"], abs=1e-3
        )


def test_a_scorer_that_returns_hard_labels_is_warned_of(folder, tmp_path, monkeypatch):
    network = load_model(folder / "net.safetensors").eval()
    use_scorer(monkeypatch, Answering(lambda images: torch.eye(3)[network(images).argmax(dim=1)]))
    changes = {"model": None, "scorer": "of_the_user:make", "curvature": False}
    content = audit_membership(options(folder, tmp_path / "study", triage=True, **changes))
    assert content["triage"]["warnings"][0].startswith("the scorer returns hard labels")


def test_complex_answers_of_a_scorer_are_refused(folder, tmp_path, monkeypatch):
    use_scorer(monkeypatch, Answering(lambda images: torch.zeros(len(images), 3) + 1j))
    with pytest.raises(ImprintError, match=r"must be finite \[8, classes\], got complex64"):
        audit_membership(options(folder, tmp_path / "study", model=None, scorer="of_the_user:make"))


def test_controls_that_were_left_out_are_not_those_of_before(folder, tmp_path):
    """The same folder without controls: refused, or findings without any."""
    out = tmp_path / "study"
    audit_membership(options(folder, out, curvature=False))
    with pytest.raises(ImprintError, match="controls"):
        audit_membership(options(folder, out, curvature=False, controls=False))


def test_slices_probabilities_and_roc_points_of_an_audit(folder, tmp_path):
    names = [f"{CLASSES[row % 3]}/{row:03d}" for row in range(EACH * len(CLASSES))]
    file = tmp_path / "groups.csv"

    def write(*folders):
        paths = [f"{place}{name}" for place in folders for name in names]
        rows = [f"{path},{('odd', 'even')[row % 2]}" for row, path in enumerate(paths)]
        file.write_text("\n".join(["name,half", *rows]))

    write("")
    with pytest.raises(ImprintError, match=r"groups\.csv: .* ambiguous"):
        audit_membership(options(folder, tmp_path / "out", groups=file, attacks=("loss",)))
    write("seen/", "unseen/")
    summary = audit_membership(options(folder, tmp_path / "out", groups=file, attacks=("loss",)))
    found = from_json(MembershipFindings, summary["lenses"]["membership"], "summary.json").slices
    assert set(found.groupings) == {"class", "half", "prediction"}
    assert set(found.groupings["class"]) == set(CLASSES)
    assert set(found.groupings["half"]) == {"even", "odd"}
    table = read_table(tmp_path / "out/membership/loss.parquet")
    assert np.all((table["probability"] > 0) & (table["probability"] < 1))
    roc = read_table(tmp_path / "out/membership/roc.parquet")
    assert set(roc["attack"]) == {"loss"}
    assert roc["tpr"].max() == 1
    assert "By slice" in (tmp_path / "out/report.html").read_text()
    write("unseen/")
    with pytest.raises(ImprintError, match="groups"):
        audit_membership(options(folder, tmp_path / "out", groups=file, attacks=("loss",)))
