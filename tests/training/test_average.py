"""The average of students that started alike: its weights, its file, and what has no average."""

import pytest
import torch

from checkpointing import checkpoint
from common.messages import UserError
from data import load_training
from evaluation.metrics import compute_logits
from model import ImprovedResNet18
from training import average

VALIDATION = {"n": 287, "errors": 3, "loss": 0.1}


@pytest.fixture
def students(tmp_path):
    """Write weights near one another, and return their files."""
    torch.manual_seed(0)
    start, paths = ImprovedResNet18().state_dict(), []
    for number in range(3):
        model = ImprovedResNet18(dropout=0.25)
        state = {n: t + 0.01 * torch.rand_like(t) if t.is_floating_point() else t for n, t in start.items()}
        model.load_state_dict(state)
        source = {"name": f"ink {number % 2}", "digits": 3}
        training = {"images": 1151, "initial": "00", "ink": [source], "seed": number}
        paths.append(tmp_path / f"student-{number}.pt")
        checkpoint.save_weights(paths[-1], model, dataset="digits", validation=VALIDATION, training=training)
    return paths


@pytest.fixture
def run(monkeypatch, tmp_path):
    def run(*arguments: object) -> None:
        given = ["average.py", *map(str, arguments), "--output", str(tmp_path / "average.pt")]
        monkeypatch.setattr("sys.argv", given)
        assert average.main() == 0

    return run


def test_the_average_is_calibrated_validated_and_described(students, run, tmp_path, capsys):
    run(*students)
    result = checkpoint.load(tmp_path / "average.pt")
    models = [checkpoint.load(path).model for path in students]
    for name, tensor in result.model.state_dict().items():
        if name.startswith("fc"):  # which calibration divides by a temperature
            continue
        expected = torch.stack([model.state_dict()[name].double() for model in models]).mean(0)
        torch.testing.assert_close(tensor.double(), expected, msg=name)
    assert result.calibration
    validation = load_training("digits", None)[1]
    wrong = compute_logits(result.model, validation).argmax(1) != validation.labels
    assert result.validation["errors"] == int(wrong.sum())
    assert result.training["average"] == [checkpoint.weights_digest(model.state_dict()) for model in models]
    assert (result.training["images"], result.training["initial"]) == (1151, "00")
    assert [source["name"] for source in result.ink] == ["ink 0", "ink 1"]
    assert "Average: " in capsys.readouterr().out


def test_equal_networks_are_their_average():
    model = ImprovedResNet18(num_classes=7, width=2).eval()
    mean = average.average([model, model, model])
    ink = torch.rand(3, 1, 28, 28)
    assert torch.equal(mean(ink), model(ink))
    assert not mean.training


def rewrite(path, model=None, **changes):
    loaded = checkpoint.load(path)
    said = {key: getattr(loaded, key) for key in ("dataset", "validation", "training")}
    checkpoint.save_weights(path, model or loaded.model, **{**said, **changes})


def test_without_validation_images_the_average_has_no_figures(students, run, tmp_path):
    rewrite(students[1], validation={"n": 0, "errors": None, "loss": None})
    run(*students)
    result = checkpoint.load(tmp_path / "average.pt")
    assert (result.validation["n"], result.calibration) == (0, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training": {"initial": "01"}}, "did not start from the same weights"),
        ({"model": ImprovedResNet18(width=2)}, "are networks of different form"),
        ({"model": ImprovedResNet18(num_classes=7)}, "are networks of different form"),
        ({"dataset": "mnist"}, "are networks of different form or data"),
    ],
    ids=["start", "width", "classes", "data"],
)
def test_what_has_no_average_is_refused(students, run, tmp_path, changes, words):
    rewrite(students[2], **changes)
    with pytest.raises(UserError, match=f"student-0.pt and .*student-2.pt {words}"):
        run(*students)
    with pytest.raises(UserError, match="at least two"):
        run(students[0])
    assert not (tmp_path / "average.pt").exists()
