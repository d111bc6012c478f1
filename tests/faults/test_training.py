"""Runs that are killed, stopped, damaged, or meet another process: resumed, they end as an unbroken run."""

import contextlib
import csv
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from checkpointing import archive, checkpoint, lookup
from common.files import PROJECT
from common.messages import UserError
from tests.support.project import (
    TORCHRUN,
    Project,
    Result,
    assert_one_line_error,
    obey_permissions,
    same_weights,
    weights_of,
)
from training import state
from training.run_folder import RunFolder

HIT = (PROJECT / "tests/support/hit.py").read_text()
MACHINE = ("--threads", 1, "--device", "cpu")
RECIPE = ("--dataset", "digits", "--batch-size", 64, "--limit-train", 256, "--epochs", 3)  # of 4 steps each
PLACES = ("step", "evaluation", "write", "flush", "rename", "run")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and permissions as on POSIX")


def hit(project: Project, spec: dict, *arguments: object, **options: object) -> Result:
    """Run train.py, with the fault that `spec` describes to tests/support/hit.py."""
    return project.run("-c", HIT, json.dumps(spec), "train.py", *MACHINE, *arguments, **options)


class Forge:
    """Runs scripts as `hit` does, in processes that are forked from one that has imported everything."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.process = project.start("-c", HIT, stdin=subprocess.PIPE, stderr=None)

    def hit(self, spec: dict, *arguments: object) -> Result:
        out, err = (self.project.folder / name for name in ("out.txt", "err.txt"))
        for path in (out, err):
            path.write_text("")
        command = [json.dumps(spec), "train.py", *map(str, (*MACHINE, *arguments))]
        print(json.dumps([command, str(out), str(err)]), file=self.process.stdin, flush=True)
        status = int(self.process.stdout.readline())
        return Result(arguments, status, out.read_text(), err.read_text())


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory):
    forge = Forge(Project(tmp_path_factory.mktemp("forge")))
    yield forge
    forge.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def unbroken(forge: Forge) -> Path:
    """The folder of a run without faults, with a file calls.json: the number of calls of each place."""
    run, report = (forge.project.folder / name for name in ("unbroken", "calls.json"))
    result = forge.hit({"report": str(report)}, *RECIPE, "--output", run)
    assert result.returncode == 0, result.stderr
    shutil.move(report, run)
    return run


def assert_same_end(run: Path, unbroken: Path) -> None:
    """Assert the same weights, state and history, bit for bit, and no temporary files."""
    assert same_weights(weights_of(run), weights_of(unbroken))
    ours, theirs = (torch.load(r / "last.pt", weights_only=True)["state"] for r in (run, unbroken))
    for name in ("model", "average", "best_weights"):
        assert same_weights(ours[name], theirs[name]), name
    for group in range(len(ours["optimizer"]["state"])):
        buffers = (saved["optimizer"]["state"][group]["momentum_buffer"] for saved in (ours, theirs))
        assert torch.equal(*buffers)
    histories = [list(csv.DictReader((r / "history.csv").open())) for r in (run, unbroken)]
    for row in itertools.chain(*histories):
        del row["seconds"], row["images_per_second"]
    assert histories[0] == histories[1]
    assert (run / "summary.json").exists()
    assert not list(run.glob(".*.tmp"))


def go_on(run: Path) -> tuple[object, ...]:
    """Return arguments to resume a run that was killed, or to start it if it had no time to."""
    return ("--resume", run) if (run / "args.json").exists() else (*RECIPE, "--output", run)


# signals


@pytest.mark.long
@pytest.mark.parametrize("place", ["calibration", "evaluation"])
def test_ctrl_c_after_the_last_step_says_how_to_go_on(forge, unbroken, place):
    run, calls = forge.project.folder / f"late-{place}", json.loads((unbroken / "calls.json").read_text())
    last = {"calibration": 1, "evaluation": calls["evaluation"]}[place]
    fault = {"do": ["kill", signal.SIGINT], "where": place, "number": last, "when": "before"}
    result = forge.hit(fault, *RECIPE, "--output", run)
    assert (result.returncode, result.stderr) == (130, "")
    assert result.stdout.splitlines()[-1] == f"Stopped. Go on with:  python train.py --resume {run.name}"
    assert forge.hit({}, *go_on(run)).returncode == 0
    assert_same_end(run, unbroken)


@pytest.mark.long
@pytest.mark.parametrize("code", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda code: code.name)
def test_a_run_that_gets_a_signal_at_any_moment_ends_the_same(code, often, forge, unbroken):
    """The moment is in a step, an evaluation, a write, a flush, a rename or anywhere.

    Some runs get another signal after they are resumed. A run that ends before its signal is started again.
    """
    calls, seed, outcomes = json.loads((unbroken / "calls.json").read_text()), os.urandom(4).hex(), Counter()
    random = np.random.default_rng(int(seed, 16))
    print("moments from seed", seed)
    places = itertools.cycle(random.permutation(PLACES).tolist())
    for number in range(often(30)):
        run, hits, attempts = forge.project.folder / f"{code.name}{number}", 0, 0
        while not hits or (not (run / "summary.json").exists() and random.random() < 0.25):
            attempts += 1
            assert attempts <= 30, outcomes
            if (run / "summary.json").exists():
                shutil.rmtree(run)
            place = next(places)
            longest = (
                calls["seconds"] if place == "run" else 0.03 if place in ("step", "evaluation") else 0.003
            )
            spec = {
                "do": ["kill", code],
                "where": place,
                "number": int(random.integers(calls[place])) + 1,
                "when": "during" if place == "run" else str(random.choice(["before", "during", "after"])),
                "delay": random.uniform(0, longest),
            }
            result = forge.hit(spec, *go_on(run))
            assert result.returncode in {0, -code, 128 + code}, (spec, result)
            assert "Traceback" not in result.stderr, (spec, result.stderr)
            if result.returncode == 128 + code:
                assert f"--resume {run.name}" in result.stdout or result.stderr == "\nInterrupted.\n", result
            for path in run.glob("*.pt"):
                assert archive.is_sealed(path.read_bytes()), (spec, path)
            hits += result.returncode != 0
            outcomes[f"hit at {place}" if result.returncode else "too late"] += 1
        result = forge.hit({}, *go_on(run))
        assert result.returncode == 0, (spec, result.stderr)
        assert_same_end(run, unbroken)
        shutil.rmtree(run)
    print(code.name, dict(outcomes))


# one process at a time


def start_and_wait(project: Project, run: Path, *arguments: object) -> subprocess.Popen:
    process, deadline = project.start("train.py", *arguments), time.monotonic() + 120
    while not (run / "best.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    return process


def test_a_second_process_is_refused_and_a_killed_one_keeps_none_out(tmp_path):
    project = Project(tmp_path)
    run = project.folder / "run"
    first = start_and_wait(project, run, *RECIPE[:-1], 1000, "--output", run)
    try:
        first.send_signal(signal.SIGSTOP)  # it keeps its lock, and uses no processor time
        result = project.run("train.py", *RECIPE, "--output", "run")
        assert_one_line_error(result, "run is not empty")
        result = project.run("train.py", "--resume", "run")
        assert_one_line_error(result, "another process is training in run")
        result = project.run(*TORCHRUN, "train.py", *MACHINE, "--resume", "run")
        assert result.returncode != 0
        assert result.stderr.count("train.py: error: another process is training in run") == 1
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    assert RunFolder(run).has_state()
    RunFolder(run).claim()  # raises if it is still locked


def test_of_two_processes_that_start_at_once_one_is_refused(tmp_path):
    project = Project(tmp_path)
    processes = [project.start("train.py", *RECIPE, "--output", "run") for _ in range(2)]
    results = [Result((), process.wait(), *process.communicate(timeout=120)) for process in processes]
    refused, done = sorted(results, key=lambda result: "Best epoch" in result.stdout)
    assert done.returncode == 0, done.stderr
    assert refused.returncode == 2
    assert "run is not empty" in refused.stderr or "another process is training in run" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


# the folder and its disk


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int):
    """Mount a disk of that size at `folder`, and yield the command; None if the user may not mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    mounted = not subprocess.run(command, capture_output=True).returncode
    try:
        yield command if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.long
def test_a_run_with_many_faults_ends_the_same(tmp_path, unbroken):
    """The disk is full when a state is saved, the folder is read-only, last.pt is truncated, then missing."""
    project = Project(tmp_path)
    with small_disk(project.folder / "disk", 14) as mounted:  # room for best.pt and last.pt only
        run, options = project.folder / "disk/run", {}
        if not mounted:  # a limit on the size of files has the same effect
            import resource

            options = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6 * 10**6,) * 2)}
            RunFolder.create(run, "digits", 0)
        result = project.run("train.py", *RECIPE, "--output", run, **options)
        reason = "No space left on device" if mounted else "File too large"
        assert_one_line_error(result, "cannot write disk/run/", reason)
        for path in run.glob("*.pt"):
            assert archive.is_sealed(path.read_bytes())
        assert not list(run.glob(".*.tmp"))
        if mounted:
            assert (run / "last.pt").exists()
            subprocess.run(["mount", "-o", "remount,size=64m", str(run.parent)], check=True)

        result = hit(
            project,
            {"do": ["chmod", str(run), 0o500], "where": "evaluation", "number": 2, "when": "before"},
            *go_on(run),
            preexec_fn=obey_permissions(),
        )
        assert_one_line_error(result, "cannot write disk/run/", "Permission denied")
        result = project.run("train.py", "--resume", run, preexec_fn=obey_permissions())
        assert_one_line_error(result, "disk/run", "Permission denied")
        run.chmod(0o700)

        epoch = checkpoint.load_training_state(run / "previous.pt")["epoch"]
        os.truncate(run / "last.pt", 4096 * 700)
        result = hit(
            project,
            {"do": ["kill", 9], "where": "step", "number": 2, "when": "after"},
            "--resume",
            run,
        )
        said = f"last.pt is truncated or damaged: going on from previous.pt, after epoch {epoch}, step 0\n"
        assert result.stderr == f"disk/run/{said}"

        os.truncate(run / "last.pt", 4096)
        result = project.run("train.py", "--resume", run)
        assert result.returncode == 0, result.stderr
        assert result.stderr == f"disk/run/{said}"
        assert_same_end(run, unbroken)

        (run / "last.pt").unlink()
        (run / "previous.pt").write_bytes(b"")
        result = project.run("train.py", "--resume", run)
        assert_one_line_error(result, "last.pt: no such checkpoint, and disk/run/previous.pt is empty")


@pytest.mark.parametrize(("where", "number"), [("evaluation", 2), ("calibration", 1), ("curves", 1)])
def test_a_folder_that_is_removed_stays_removed(where, number, forge):
    run = forge.project.folder / f"removed-{where}"
    spec = {"do": ["remove", str(run)], "where": where, "number": number, "when": "after"}
    result = forge.hit(spec, *RECIPE, "--output", run)
    assert_one_line_error(result, f"{run.name} was removed or replaced while this run was training")
    assert not run.exists()


def test_last_pt_truncated_at_every_4_kib(often, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(state, "restore", lambda trainer, saved: trainer.update(saved))
    last = (unbroken / "last.pt").read_bytes()
    run, previous = RunFolder(tmp_path), {"epoch": 2}
    checkpoint.save_training_state(tmp_path / "previous.pt", previous)
    lengths = range(0, len(last), 4096)
    random = np.random.default_rng()
    chosen = random.choice(lengths, often(len(lengths)), replace=False)
    for length in sorted({0, *chosen.tolist()}):
        (tmp_path / "last.pt").write_bytes(last[:length])
        restored = {}
        damage = run.restore(restored)
        assert damage, length
        assert restored == previous
    print(f"{len(chosen)} of {len(lengths)} lengths")
    (tmp_path / "last.pt").write_bytes(last)
    restored = {}
    assert run.restore(restored) is None
    assert restored["epoch"] == 3


def test_a_damaged_state_never_becomes_the_previous_one(tmp_path, unbroken, monkeypatch):
    monkeypatch.setattr(state, "take", lambda trainer: trainer)
    run = RunFolder(tmp_path)
    run.claim()
    checkpoint.save_training_state(tmp_path / "previous.pt", {"epoch": 1})
    (tmp_path / "last.pt").write_bytes((unbroken / "last.pt").read_bytes()[:-1])
    run.save_state({"epoch": 2})
    for name, epoch in (("previous.pt", 1), ("last.pt", 2)):
        assert checkpoint.load_training_state(tmp_path / name)["epoch"] == epoch
    run.save_state({"epoch": 2})
    assert checkpoint.load_training_state(tmp_path / "previous.pt")["epoch"] == 2


# the clock


def test_a_run_while_the_clock_is_moved_back(tmp_path, unbroken):
    """It ends the same, takes a positive time, and is the newest."""
    project = Project(tmp_path)
    earlier = project.folder / "runs/earlier"
    earlier.mkdir(parents=True)
    ended = {"dataset": "digits", "finished": "2999-01-01T00:00:00+00:00", "number": 7}
    (earlier / "summary.json").write_text(json.dumps(ended))
    result = hit(project, {"clock": True}, *RECIPE)
    assert result.returncode == 0, result.stderr
    (run,) = (path for path in earlier.parent.iterdir() if path != earlier)
    assert_same_end(run, unbroken)
    summary = json.loads((run / "summary.json").read_text())
    assert summary["finished"] < "2002"
    assert summary["seconds"] > 0
    found = project.run("-c", "from checkpointing import lookup; print(lookup.find(None, 'digits'))")
    assert found.stdout.strip() == str(run / "best.pt")


def test_a_name_that_is_taken_gets_a_number(tmp_path, monkeypatch):
    class Stopped:
        @staticmethod
        def now() -> "Stopped":
            return Stopped()

        def __format__(self, form: str) -> str:
            return "20010909-014640"

    monkeypatch.setattr(lookup, "RUNS", tmp_path)
    monkeypatch.setattr("training.run_folder.datetime", Stopped)
    names = [RunFolder.create(None, "mnist", 3).path.name for _ in range(3)]
    assert names == ["20010909-014640-seed3", "20010909-014640-seed3-2", "20010909-014640-seed3-3"]


def test_a_claim_ends_with_its_run_folder_object(tmp_path):
    run = RunFolder(tmp_path)
    run.claim()
    with pytest.raises(UserError, match="another process is training"):
        RunFolder(tmp_path).claim()
    del run
    RunFolder(tmp_path).claim()
