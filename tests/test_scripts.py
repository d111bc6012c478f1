"""train.py, then test.py; and what holds for both."""

import json
import re

import pytest

import test
import train
from tests.support.project import DEAD_MIRROR, missing


@pytest.mark.long
def test_mnist_from_training_to_report(project, mnist_dir):
    """test.py without arguments evaluates the weights that train.py has just trained on MNIST."""
    project.validate_on_few()
    result = project.run("train.py", "--limit-train", 2500, "--epochs", 1, "--batch-size", 25, "--seed", 4)
    assert result.returncode == 0, result.stderr
    assert "data     MNIST: 2,500 images to train on, 599 to validate on" in result.stdout
    assert result.stdout.splitlines()[-1] == "Next:    python test.py"
    (run,) = (project.folder / "runs").iterdir()
    assert run.name.endswith("-seed4")
    result = project.run("test.py")
    assert result.returncode == 0, result.stderr
    assert f"Weights: runs/{run.name}/best.pt: " in result.stderr
    report = json.loads((run / "score_report.json").read_text())
    assert (report["dataset"], report["n"]) == ("mnist", 10_000)
    assert report["checkpoint"] == f"runs/{run.name}/best.pt"
    assert 0.5 < report["accuracy"] < 1


@pytest.mark.long
def test_no_network_no_mnist(project):
    """Training and test use the bundled digits, with notices and other file names."""
    project.change("common/download.py", "MIRRORS: tuple[str, ...] = ()", f"MIRRORS = ('{DEAD_MIRROR}',)")
    project.environment.update(MNIST_DIR=str(project.folder / "data"), no_proxy="127.0.0.1")
    result = project.run("train.py", "--epochs", 1, "--limit-train", 128)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("NOT MNIST") == 2
    assert "data     scikit-learn's digits, NOT MNIST" in result.stdout
    (run,) = (project.folder / "runs").iterdir()
    assert run.name.endswith("-seed0-digits")
    result = project.run("test.py")
    assert result.returncode == 0, result.stderr
    assert f"Weights: runs/{run.name}/best.pt" in result.stderr
    assert "NOT MNIST" in result.stdout
    reports = {path.name for path in run.iterdir() if path.stem.endswith("_digits")}
    assert reports == {
        "score_report_digits.txt",
        "score_report_digits.json",
        "confusionMatrix_digits.png",
        "mistakes_digits.png",
    }
    assert not (project.folder / "reports").exists()


@pytest.mark.parametrize("script", [train, test], ids=["train", "test"])
def test_help_explains_every_flag_with_its_default(run_main, script):
    result = run_main(script.main, "--help")
    assert result.returncode == 0
    entries = re.split(r"^  (?=-)", result.stdout, flags=re.MULTILINE)[1:]
    explained = [entry for entry in entries if not entry.startswith("-h")]
    assert len(explained) > 8
    for entry in explained:
        assert "default: " in " ".join(entry.split()), entry
        takes_a_number = re.match(r"--[a-z-]+ N\b", entry)
        assert not (takes_a_number and "default: off" in entry), entry


def test_a_missing_part_is_a_failure_under_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        missing("a part")
