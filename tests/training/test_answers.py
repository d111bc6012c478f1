"""Answers: they are what the committee says of the views that students see, and are never made up."""

import dataclasses
import itertools
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from checkpointing import archive
from checkpointing.archive import CheckpointError
from common.messages import UserError
from data import LabelledImages, load_training
from model import ImprovedResNet18
from tests.support.project import same_weights
from training import state
from training.answers import Answers, read_file
from training.arguments import pick_autocast
from training.augmentation import Augmentation
from training.distillation import Committee
from training.recipe import Recipe
from training.save_answers import Questions, claimed, save_answers
from training.trainer import Trainer
from training.views import order_of_epoch

CPU = torch.device("cpu")
RECIPE = Recipe(
    epochs=3,
    batch_size=32,
    seed=5,
    view_seed=0,
    plain_epochs=1,
    teacher_temperature=4.0,
    keep="last",
    augmentation=Augmentation(erase=0.3, pen=0.3, mixup=0.5),
)
FILES = {"epoch-0001.pt", "epoch-0002.pt", "plain.pt"}


@pytest.fixture(scope="module")
def images() -> LabelledImages:
    return load_training("digits", None)[0][:100]  # three steps an epoch, and four images that it leaves out


@pytest.fixture(scope="module")
def committee() -> Committee:
    torch.manual_seed(3)
    return Committee([ImprovedResNet18(), ImprovedResNet18(width=2)], [{"name": "Ada"}])


def changed(**values: object) -> Recipe:
    return dataclasses.replace(RECIPE, **values)


def save(
    folder: Path, recipe: Recipe, images: LabelledImages, committee: Committee, steps: int = 999
) -> bool:
    """Save answers, stopped after some steps."""
    left = iter(range(steps))
    return save_answers(folder, Questions(recipe, images, committee, None), lambda: next(left, None) is None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images, committee) -> Path:
    folder = tmp_path_factory.mktemp("answers") / "folder"
    assert save(folder, RECIPE, images, committee)
    return folder


def answers_in(folder: Path) -> dict[str, torch.Tensor]:
    return {path.name: read_file(path)["answers"] for path in folder.glob("*.pt")}


def finish(trainer: Trainer) -> Trainer:
    while trainer.epoch < trainer.recipe.epochs:
        trainer.train_epoch()
        trainer.finish_epoch()
    return trainer


class Watched(Committee):
    """A committee that remembers what it was asked."""

    def log_probabilities(self, ink: torch.Tensor) -> torch.Tensor:
        self.asked.append(ink)
        self.said.append(super().log_probabilities(ink))
        return self.said[-1]


@pytest.mark.long
@pytest.mark.parametrize(("epoch_images", "steps"), [(None, 3), (70, 2)])
def test_answers_are_what_a_student_would_have_heard(images, committee, tmp_path, epoch_images, steps):
    """For each of its views in their order, with blended ones and with the undistorted ones at the end."""
    recipe, shown = changed(epoch_images=epoch_images), 32 * steps
    assert save(tmp_path, recipe, images, committee)
    watched = Watched([ImprovedResNet18()])
    watched.members, watched.asked, watched.said = committee.members, [], []
    finish(Trainer(recipe, images, images[:0], CPU, teacher=watched))
    answers = Answers.open(tmp_path, recipe, images)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert (answers.digests, answers.ink) == (committee.digests, [{"name": "Ada"}])
    for epoch in range(3):
        order = order_of_epoch(recipe, epoch, 100)
        kept = answers.of_epoch(epoch, order)[:shown].float()
        said = torch.cat(watched.said[steps * epoch : steps * (epoch + 1)])
        torch.testing.assert_close(kept, said, atol=0.01, rtol=1e-3)
    kept = read_file(tmp_path / "epoch-0001.pt")["answers"].numpy()
    assert len({answer.tobytes() for answer in kept}) > 0.9 * shown
    assert Answers.open(tmp_path, changed(epoch_images=epoch_images or 100), images)  # which is all of them


@pytest.mark.long
def test_a_student_of_answers_learns_what_a_student_of_the_committee_learns(images, committee, folder):
    heard = finish(Trainer(RECIPE, images, images[:0], CPU, teacher=committee))
    read = finish(Trainer(RECIPE, images, images[:0], CPU, teacher=Answers.open(folder, RECIPE, images)))
    for ours, theirs in zip(read.history, heard.history, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=0.01)
    assert state.provenance(read)["teacher"] == state.provenance(heard)["teacher"] == committee.digests
    assert read.ink == [{"name": "Ada"}]


@pytest.mark.long
def test_students_of_other_seeds_and_lengths_share_answers(images, folder):
    first, second = (
        Trainer(
            changed(seed=seed),
            images,
            images[:0],
            CPU,
            teacher=Answers.open(folder, changed(seed=seed), images),
        )
        for seed in (1, 2)
    )
    for trainer in (first, second):
        trainer.train_epoch(should_stop=lambda trainer=trainer: trainer.step == 1)
    assert torch.equal(first.answers, second.answers)
    assert not same_weights(first.model.state_dict(), second.model.state_dict())
    for recipe in (
        changed(epochs=2),
        changed(epochs=2, plain_epochs=0),
        changed(width=2, lr=0.1, dropout=0.5),
    ):
        assert Answers.open(folder, recipe, images)


@pytest.mark.long
@pytest.mark.parametrize("steps", [0, 2, 4, 6, 8])
def test_a_student_of_answers_resumed_after_any_step_ends_the_same(images, folder, steps):
    def new() -> Trainer:
        teacher = Answers.open(folder, RECIPE, images)
        return Trainer(RECIPE, images, images[:0], CPU, pick_autocast("auto", CPU), teacher=teacher)

    whole, half, left = finish(new()), new(), iter(range(steps))
    while half.train_epoch(should_stop=lambda: next(left, None) is None):
        half.finish_epoch()
    resumed = new()
    state.restore(resumed, state.take(half))
    assert same_weights(finish(resumed).best_weights, whole.best_weights)
    assert same_weights(resumed.model.state_dict(), whole.model.state_dict())


@pytest.mark.long
def test_answers_that_were_interrupted_at_any_step_end_the_same(images, committee, folder, tmp_path):
    for steps in itertools.count(1):
        if save(tmp_path, RECIPE, images, committee, steps):
            break
        with pytest.raises(UserError, match=r"lacks \d of the 3 files of answers that this run needs"):
            Answers.open(tmp_path, RECIPE, images)
    expected = answers_in(folder)
    for name, answers in answers_in(tmp_path).items():
        assert torch.equal(answers, expected[name]), name
    assert steps > 3


def test_what_is_known_is_not_asked_again(images, folder, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    silent = Committee([ImprovedResNet18()])
    content = read_file(folder / "plain.pt")["committee"]
    silent.digests, silent.ink, silent.members = content["digests"], content["ink"], None
    assert save(folder, RECIPE, images, silent)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert "0 of 292 are missing" in capsys.readouterr().out


def test_more_epochs_are_added(images, committee, tmp_path):
    assert save(tmp_path, changed(epochs=1, plain_epochs=0), images, committee)
    first = answers_in(tmp_path)
    with pytest.raises(UserError, match=r"lacks 1 of the 2 files .*, first epoch-0002.pt: make them with"):
        Answers.open(tmp_path, changed(epochs=2, plain_epochs=0), images)
    assert save(tmp_path, changed(epochs=2, plain_epochs=0), images, committee)
    assert torch.equal(answers_in(tmp_path)["epoch-0001.pt"], first["epoch-0001.pt"])
    assert Answers.open(tmp_path, changed(epochs=2, plain_epochs=0), images)


OTHERS: dict[str, tuple[Callable[[LabelledImages], LabelledImages], dict[str, object]]] = {
    "of --view-seed 0. Use": (lambda images: images, {"view_seed": 1}),
    "of no --epoch-images. Use": (lambda images: images, {"epoch_images": 64}),
    "of --batch-size 32. Use": (lambda images: images, {"batch_size": 25}),
    "of --rotation 12.0, --mixup 0.5. Use": (
        lambda images: images,
        {"augmentation": dataclasses.replace(RECIPE.augmentation, rotation=3.0, mixup=0.0)},
    ),
    "of other images": (lambda images: images[:99], {}),
    "views of other images": (lambda images: images[torch.arange(99, -1, -1)], {}),
}


@pytest.mark.parametrize("words", OTHERS)
def test_answers_for_other_views_are_refused(images, committee, folder, words):
    choose, values = OTHERS[words]
    before = answers_in(folder)
    with pytest.raises(UserError, match=words):
        Answers.open(folder, changed(**values), choose(images))
    with pytest.raises(UserError, match=words):
        save(folder, changed(**values), choose(images), committee)
    assert answers_in(folder).keys() == before.keys()


def test_answers_of_another_committee_are_refused(images, folder, tmp_path):
    other = Committee([ImprovedResNet18()])
    with pytest.raises(UserError, match="holds answers of another committee: choose another folder"):
        save(folder, RECIPE, images, other)
    assert save(tmp_path, RECIPE, images, other)
    (tmp_path / "plain.pt").write_bytes((folder / "plain.pt").read_bytes())
    with pytest.raises(UserError, match=r"plain\.pt is of another committee than other files there"):
        Answers.open(tmp_path, RECIPE, images)


def test_a_run_is_not_resumed_with_answers_of_another_committee(images, folder, tmp_path):
    half = Trainer(RECIPE, images, images[:0], CPU, teacher=Answers.open(folder, RECIPE, images))
    assert save(tmp_path, RECIPE, images, Committee([ImprovedResNet18()]))
    other = Trainer(RECIPE, images, images[:0], CPU, teacher=Answers.open(tmp_path, RECIPE, images))
    with pytest.raises(UserError, match="is of another teacher"):
        state.restore(other, state.take(half))


def test_damaged_answers_are_refused(images, folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "epoch-0002.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"epoch-0002\.pt is"):
        Answers.open(tmp_path, RECIPE, images)
    whole = read_file(folder / "epoch-0002.pt")
    for wrong in ({"answers": torch.zeros(96, 10)}, {"answers": torch.zeros(96, 9).half()}, {"views": None}):
        archive.write(path, "answers", {**whole, **wrong})
        with pytest.raises(CheckpointError, match=r"epoch-0002\.pt holds no answers"):
            Answers.open(tmp_path, RECIPE, images)
    archive.write(path, "weights", {"state": 1})
    with pytest.raises(CheckpointError, match=r"epoch-0002\.pt holds a weights, not answers"):
        Answers.open(tmp_path, RECIPE, images)


def test_answers_removed_while_a_run_trains_end_it(images, committee, tmp_path):
    recipe = changed(epochs=1, plain_epochs=0)
    assert save(tmp_path, recipe, images, committee)
    trainer = Trainer(recipe, images, images[:0], CPU, teacher=Answers.open(tmp_path, recipe, images))
    (tmp_path / "epoch-0001.pt").unlink()
    with pytest.raises(UserError, match="answers were removed"):
        trainer.train_epoch()


@pytest.mark.long
def test_a_file_that_another_process_computes_is_left_to_it(images, committee, folder, tmp_path, capsys):
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "epoch-0001.pt",))
    process.start()
    while not (tmp_path / "held").exists():
        process.join(0.05)
        assert process.is_alive()
    try:
        assert save(tmp_path, RECIPE, images, committee)
        assert "but for 1 that other processes are computing" in capsys.readouterr().out
        assert answers_in(tmp_path).keys() == FILES - {"epoch-0001.pt"}
    finally:
        process.kill()  # which frees the file
        process.join()
    assert save(tmp_path, RECIPE, images, committee)
    assert torch.equal(answers_in(tmp_path)["epoch-0001.pt"], answers_in(folder)["epoch-0001.pt"])


def hold(path: Path) -> None:
    """Claim a file for ever."""
    with claimed(path) as ours:
        assert ours
        path.with_name("held").touch()
        multiprocessing.Event().wait()
