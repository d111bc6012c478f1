"""Training: the same seed gives the same weights, also after a resume; figures, states, and teachers."""

import copy
import io
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode

from checkpointing import checkpoint
from checkpointing.archive import CheckpointError
from common.messages import UserError
from data import load_training
from model import ImprovedResNet18
from tests.support.project import same_weights
from training import state
from training.arguments import pick_autocast
from training.augmentation import Augmentation
from training.distillation import Committee, logits_in_float32, tempered_loss
from training.distributed import ONE_PROCESS
from training.optimizer import OPTIMIZERS
from training.recipe import Recipe
from training.run_folder import RunFolder
from training.step import Step
from training.trainer import Trainer
from training.validation import evaluate

TIMES = ("seconds", "images_per_second")
CPU = torch.device("cpu")
PRECISION = pick_autocast("auto", CPU)  # emulated, bfloat16 would take ten times as long
BATCH = 16  # images, which keeps the tests fast
RECIPE = Recipe(epochs=2, batch_size=BATCH, augmentation=Augmentation(erase=0.3))


@pytest.fixture(scope="module")
def digits():
    train, validation = load_training("digits", None)
    return train[: 4 * BATCH], validation[:20]  # four steps an epoch


@pytest.fixture(scope="module")
def more_digits():
    """Enough to learn them."""
    train, validation = load_training("digits", None)
    return train[:256], validation[:100]


def finish(trainer: Trainer) -> Trainer:
    while trainer.epoch < trainer.recipe.epochs:
        trainer.train_epoch()
        trainer.finish_epoch()
    return trainer


@pytest.fixture(scope="module")
def unbroken(digits):
    return finish(Trainer(RECIPE, *digits, CPU, PRECISION))


def figures(trainer: Trainer) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in trainer.history]


@pytest.mark.parametrize(
    "steps", [1, *(pytest.param(steps, marks=pytest.mark.long) for steps in (0, *range(2, 9)))]
)
def test_a_run_resumed_after_any_step_ends_the_same(digits, unbroken, steps):
    assert_resumed_ends_as(unbroken, digits, steps)


@pytest.mark.long
def test_a_run_resumed_with_muon_ends_the_same(digits):
    recipe = Recipe(**{**vars(RECIPE), "optimizer": "muon"})
    unbroken = finish(Trainer(recipe, *digits, CPU, PRECISION))
    for steps in (1, 6):
        assert_resumed_ends_as(unbroken, digits, steps)


@pytest.mark.long  # threads wait for one another in every operation
def test_a_run_resumed_on_two_threads_ends_the_same(digits):
    torch.set_num_threads(2)
    try:
        unbroken = finish(Trainer(RECIPE, *digits, CPU, PRECISION))
        for steps in (0, 3, 5):
            assert_resumed_ends_as(unbroken, digits, steps)
    finally:
        torch.set_num_threads(1)


def assert_resumed_ends_as(unbroken: Trainer, digits, steps: int) -> None:
    recipe = unbroken.recipe
    trainer, left = Trainer(recipe, *digits, CPU, PRECISION), iter(range(steps))

    def stop() -> bool:
        return next(left, None) is None

    while trainer.train_epoch(should_stop=stop):
        trainer.finish_epoch()
        if trainer.epoch == recipe.epochs:
            break
    file = io.BytesIO()
    torch.save(state.take(trainer), file)
    torch.manual_seed(12345)  # a new process does not know the state of the old one's generators
    resumed = Trainer(recipe, *digits, CPU, PRECISION)
    state.restore(resumed, torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    finish(resumed)
    assert same_weights(resumed.model.state_dict(), unbroken.model.state_dict())
    assert same_weights(resumed.average.module.state_dict(), unbroken.average.module.state_dict())
    assert same_weights(resumed.best_weights, unbroken.best_weights)
    assert figures(resumed) == figures(unbroken)


def test_the_seed_determines_the_weights(digits, unbroken):
    again = finish(Trainer(RECIPE, *digits, CPU, PRECISION))
    assert same_weights(again.best_weights, unbroken.best_weights)
    other = finish(Trainer(Recipe(**{**vars(RECIPE), "seed": 1}), *digits, CPU, PRECISION))
    assert not same_weights(other.best_weights, unbroken.best_weights)


def test_the_average_is_that_of_averaged_model(digits):
    """In every bit, and with the counter that is saved with it."""
    trainer = Trainer(RECIPE, *digits, CPU)
    stock = AveragedModel(trainer.model, use_buffers=True)

    def update(trainer: Trainer) -> None:
        number = trainer.step - 1
        stock.multi_avg_fn = get_ema_multi_avg_fn(min(RECIPE.ema, (1 + number) / (10 + number)))
        stock.update_parameters(trainer.model)
        assert same_weights(trainer.average.state_dict(), stock.state_dict())

    assert trainer.train_epoch(on_step=update)
    assert stock.n_averaged == 4


class Reads(TorchDispatchMode):
    """Counts how often values of tensors are read by Python, for which a GPU would have to wait."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_no_value_is_read_in_a_step(digits, optimizer, teacher, temperature):
    augmentation = Augmentation(0.3, pen=0.5, mixup=0.5)
    changed = {"optimizer": optimizer, "teacher_temperature": temperature, "augmentation": augmentation}
    recipe = Recipe(batch_size=BATCH, **changed)
    trainer = Trainer(recipe, *digits, CPU, PRECISION, teacher=teacher)
    with Reads() as reads:
        for start in (0, BATCH):
            trainer._train_step(digits[0], torch.arange(start, start + BATCH))
        assert reads.count == 0
        trainer._check_totals()
        assert reads.count == 1, "otherwise nothing would be counted"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_cuda_does_not_wait_in_a_step(digits, optimizer):
    device = torch.device("cuda")
    trainer = Trainer(Recipe(batch_size=BATCH, optimizer=optimizer), *digits, device, torch.bfloat16)
    rows = torch.arange(BATCH, device=device)
    trainer._train_step(trainer.train_images, rows)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer._train_step(trainer.train_images, rows)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_average_includes_batch_norm(unbroken):
    raw, average = unbroken.model.state_dict(), unbroken.average.module.state_dict()
    for name in ("stem.1.running_mean", "layer3.1.bn2.running_var", "fc.weight"):
        assert not torch.equal(raw[name], average[name])
    assert torch.equal(raw["mean"], average["mean"])


def test_the_best_weights_are_a_copy_of_those_with_the_lowest_validation_loss(digits):
    trainer = Trainer(Recipe(**{**vars(RECIPE), "epochs": 3}), *digits, CPU)
    finish(trainer)
    assert trainer.best["val_loss"] == min(row["val_loss"] for row in trainer.history)
    kept = {name: tensor.clone() for name, tensor in trainer.best_weights.items()}
    with torch.no_grad():
        for parameter in trainer.average.parameters():
            parameter.add_(1)
    assert same_weights(kept, trainer.best_weights)
    validation = evaluate(trainer.best_model(), digits[1])
    assert validation["loss"] == pytest.approx(trainer.best["val_loss"], rel=1e-4)
    assert validation["errors"] == trainer.best["val_errors"]


@pytest.mark.long
@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_training_learns(more_digits, optimizer):
    trainer = finish(Trainer(Recipe(epochs=10, batch_size=32, optimizer=optimizer), *more_digits, CPU))
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"] / 2
    assert trainer.best["val_errors"] < 20


def test_learning_rate_rises_to_its_peak_and_falls(digits):
    trainer, rates = Trainer(Recipe(epochs=5, batch_size=BATCH), digits[0], digits[1][:10], CPU), []
    while trainer.epoch < 5:
        trainer.train_epoch(on_step=lambda trainer: rates.append(trainer.lr))
        trainer.finish_epoch()
    assert max(rates) == pytest.approx(trainer.recipe.lr)
    assert 0 < rates.index(max(rates)) < 6
    assert rates[-1] < trainer.recipe.lr / 1000


@pytest.mark.parametrize("images", [BATCH, 2 * BATCH + 1, 3 * BATCH + 4, 4 * BATCH])
@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_every_length_of_schedule_works(digits, images, epochs):
    trainer = Trainer(Recipe(epochs=epochs, batch_size=BATCH), digits[0][:images], digits[1][:10], CPU)
    trainer._train_step = lambda digits, rows: trainer.schedule.step()
    trainer.optimizer.step()
    finish(trainer)
    assert trainer.epoch == epochs


@pytest.mark.parametrize("bad", [math.nan, pytest.param(math.inf, marks=pytest.mark.long)])
def test_a_loss_that_is_not_finite_ends_training_and_is_never_best(digits, bad):
    trainer = Trainer(RECIPE, *digits, CPU)
    trainer.train_epoch()
    trainer.finish_epoch()
    best = trainer.best
    with torch.no_grad():
        trainer.model.fc.bias[0] = bad
    with pytest.raises(UserError, match="try a lower --lr"):
        trainer.train_epoch()
    assert trainer.best is best
    with torch.no_grad():
        trainer.average.module.fc.bias[0] = bad
    with pytest.raises(UserError, match="try a lower --lr"):
        trainer.finish_epoch()
    assert trainer.best is best


@pytest.mark.parametrize("native", [False, True])
def test_precision(native, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native})
    assert pick_autocast("auto", CPU) is (torch.bfloat16 if native else None)
    assert pick_autocast("off", CPU) is None
    assert pick_autocast("bf16", CPU) is torch.bfloat16


def test_a_stop_with_a_loss_that_is_not_finite_is_an_error(digits):
    trainer, left = Trainer(RECIPE, *digits, CPU), iter((False, True))
    with torch.no_grad():
        trainer.model.fc.bias[0] = math.nan
    with pytest.raises(UserError, match="try a lower --lr"):
        trainer.train_epoch(should_stop=lambda: next(left))


def test_smoothed_labels_leave_a_share_to_all_classes(digits):
    torch.manual_seed(0)
    network, batch = ImprovedResNet18(dropout=0), digits[0][:16]
    chances = copy.deepcopy(network)(batch.ink()).log_softmax(1)
    expected = -(0.8 * chances[range(16), batch.labels] + 0.2 * chances.mean(1)).mean()
    loss, _ = Step(Recipe(label_smoothing=0.2), 0, batch).learn(network, ONE_PROCESS)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_only_the_hardest_images_are_learned_from(digits, autocast):
    torch.manual_seed(0)
    first, second = (ImprovedResNet18(dropout=0) for _ in range(2))
    second.load_state_dict(first.state_dict())
    batch = digits[0][:32]
    with torch.no_grad(), torch.autocast("cpu", autocast, enabled=autocast is not None):
        logits = first.eval()(batch.ink()).float()
    losses = F.cross_entropy(logits, batch.labels, reduction="none")
    misread_before = (logits.argmax(1) != batch.labels).sum()
    first.train()
    loss, errors = Step(Recipe(), 0, batch, autocast=autocast, hardest=0.25).learn(first, ONE_PROCESS)
    hardest = batch[losses.argsort(descending=True)[:8]]
    expected, _ = Step(Recipe(), 0, hardest, autocast=autocast).learn(second, ONE_PROCESS)
    torch.testing.assert_close(loss, expected)
    assert errors == misread_before
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(first.buffers(), second.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_all_images_are_learned_from_in_the_first_steps_and_the_hardest_then(digits):
    trainer = Trainer(Recipe(**{**vars(RECIPE), "hardest": 0.4}), *digits, CPU, PRECISION)
    shares, gradients = [], trainer.replicas.gradients

    def watched(learn: Callable) -> torch.Tensor:
        shares.append(learn.__self__.hardest)
        return gradients(learn)

    trainer.replicas.gradients = watched
    finish(trainer)
    assert shares == [1, 1, 1, 0.4, 0.4, 0.4, 0.4, 0.4]  # of eight steps, three begin in the first 30 %


@pytest.mark.long
def test_a_run_that_learns_from_the_hardest_images_resumed_ends_the_same(digits):
    recipe = Recipe(**{**vars(RECIPE), "hardest": 0.3, "label_smoothing": 0.1, "epoch_images": 4 * BATCH - 5})
    whole = finish(Trainer(recipe, *digits, CPU, PRECISION))
    for steps in (1, 2, 5):
        assert_resumed_ends_as(whole, digits, steps)


def test_the_last_epoch_is_kept_if_the_recipe_says_so(digits):
    trainer = Trainer(Recipe(**{**vars(RECIPE), "epochs": 3, "keep": "last"}), *digits, CPU)
    losses = iter((0.3, 0.2, 0.4))
    for loss in losses:
        trainer.train_epoch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("training.trainer.evaluate", lambda *_, loss=loss: {"loss": loss, "errors": 1})
            trainer.finish_epoch()
        assert trainer.best is trainer.history[-1]
        assert same_weights(trainer.best_weights, trainer.average.module.state_dict())


class Seen(Committee):
    """A teacher that remembers what it sees."""

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        self.seen.append(ink)
        return super().forward(ink)


def views(digits, unbroken, **changes: object) -> torch.Tensor:
    """Return all views of a run, (steps, BATCH, 1, 28, 28)."""
    watching = Seen([unbroken.best_model()])
    watching.seen = []
    finish(Trainer(Recipe(**{**vars(RECIPE), **changes}), *digits, CPU, teacher=watching))
    return torch.stack(watching.seen)


@pytest.mark.parametrize(("epoch_images", "steps"), [(None, 4), (2 * BATCH + 9, 2), (10_000, 4)])
def test_an_epoch_may_show_some_of_the_images_other_ones_each_time(digits, unbroken, epoch_images, steps):
    seen = views(digits, unbroken, epochs=2, epoch_images=epoch_images, plain_epochs=2)
    first, second = ({image.numpy().tobytes() for image in part.flatten(0, 1)} for part in seen.chunk(2))
    assert len(seen) == 2 * steps
    assert (len(first - second) > 10) == (steps == 2)


@pytest.mark.long
def test_plain_epochs_show_the_images_undistorted(digits, unbroken):
    seen = views(digits, unbroken, plain_epochs=1)
    assert torch.equal(seen[:4], views(digits, unbroken)[:4])
    images = {image.numpy().tobytes() for image in digits[0].ink()}
    assert {image.numpy().tobytes() for image in seen[4:].flatten(0, 1)} == images
    assert not {image.numpy().tobytes() for image in seen[:4].flatten(0, 1)} & images


@pytest.mark.long
def test_the_seed_of_views_determines_what_is_shown_and_no_more(digits, unbroken):
    own = views(digits, unbroken, epochs=1)
    assert torch.equal(views(digits, unbroken, epochs=1, seed=7, view_seed=RECIPE.seed), own)
    assert not torch.equal(views(digits, unbroken, epochs=1, view_seed=7), own)
    first, second = (Trainer(Recipe(seed=seed, view_seed=0), *digits, CPU) for seed in (0, 7))
    assert not same_weights(first.model.state_dict(), second.model.state_dict())


@pytest.mark.long
def test_a_run_with_plain_epochs_resumed_ends_the_same(digits):
    recipe = Recipe(**{**vars(RECIPE), "plain_epochs": 1, "view_seed": 9, "keep": "last"})
    unbroken = finish(Trainer(recipe, *digits, CPU, PRECISION))
    for steps in (3, 7):
        assert_resumed_ends_as(unbroken, digits, steps)


# States of earlier versions and of other runs


@pytest.fixture(scope="module")
def halfway(digits) -> Trainer:
    """A trainer that has completed an epoch and two steps; it must not change."""
    trainer = Trainer(RECIPE, *digits, CPU, PRECISION)
    trainer.train_epoch()
    trainer.finish_epoch()
    trainer.train_epoch(should_stop=lambda: trainer.step == 2)
    return trainer


def first_versions(saved: dict) -> dict:
    """Return the state as the first version would have saved it."""
    later = {*state.DEFAULTS_OF_OLDER_STATES, "augmentation"}
    run = {key: value for key, value in saved["run"].items() if key not in later}
    distortions = saved["run"]["augmentation"].items()
    run["augmentation"] = {key: value for key, value in distortions if key not in ("pen", "mixup")}
    return {**{key: value for key, value in saved.items() if key not in ("initial", "ink")}, "run": run}


def test_a_state_of_the_first_version_is_resumed_and_ends_the_same(digits, unbroken, halfway):
    resumed = Trainer(RECIPE, *digits, CPU, PRECISION)
    state.restore(resumed, copy.deepcopy(first_versions(state.take(halfway))))
    assert same_weights(finish(resumed).best_weights, unbroken.best_weights)
    assert figures(resumed) == figures(unbroken)
    assert (resumed.initial, resumed.ink) == (None, [])


@pytest.mark.parametrize(
    "changed",
    [
        *({"lr": 0.01}, {"ink_weight": 2.0}, {"optimizer": "muon"}, {"teacher_temperature": 2.0}),
        *({"width": 2}, {"keep": "last"}, {"plain_epochs": 1}, {"view_seed": 3}),
        *({"epoch_images": 2 * BATCH}, {"label_smoothing": 0.1}, {"hardest": 0.5}),
        {"augmentation": Augmentation(pen=0.1)},
    ],
)
@pytest.mark.parametrize("version", [dict, first_versions])
def test_a_state_of_another_recipe_is_refused(digits, halfway, changed, version):
    other = Trainer(Recipe(**{**vars(RECIPE), **changed}), *digits, CPU)
    with pytest.raises(UserError, match="is of another recipe: it cannot be resumed"):
        state.restore(other, version(state.take(halfway)))


def without(*names: str) -> Callable[[dict], dict]:
    return lambda saved: {key: value for key, value in saved.items() if key not in names}


def other_size(name: str) -> Callable[[dict], dict]:
    last = "module.fc.bias" if name == "average" else "fc.bias"
    return lambda saved: {**saved, name: {**saved[name], last: torch.zeros(7)}}


def without_groups(saved: dict) -> dict:
    return {**saved, "optimizer": {**saved["optimizer"], "param_groups": []}}


DAMAGE = {
    "no run": without("run"),
    "no model": without("model"),
    "no optimizer": without("optimizer"),
    "no parameters of the optimizer": without_groups,
    "no schedule": without("schedule"),
    "no history": without("history"),
    "no best": without("best"),
    "a part of the model": lambda saved: {**saved, "model": without("fc.bias")(saved["model"])},
    "another model": other_size("model"),
    "another average": other_size("average"),
    "a run of another type": lambda saved: {**saved, "run": 7},
    "nothing": lambda saved: {},
    "a list": lambda saved: [],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_instead_of_a_state_that_does_not_fit_the_previous_one_is_restored(digits, halfway, damage, tmp_path):
    checkpoint.save_training_state(tmp_path / "last.pt", DAMAGE[damage](state.take(halfway)))
    run, trainer = RunFolder(tmp_path), Trainer(RECIPE, *digits, CPU, PRECISION)
    with pytest.raises(CheckpointError, match=r"last\.pt is .*, and .*previous\.pt: no such checkpoint"):
        run.restore(trainer)
    checkpoint.save_training_state(tmp_path / "previous.pt", state.take(halfway))
    assert "last.pt is " in run.restore(trainer)
    assert (trainer.epoch, trainer.step) == (1, 2)
    for name in ("model", "average", "optimizer"):
        restored, expected = getattr(trainer, name).state_dict(), getattr(halfway, name).state_dict()
        if name == "optimizer":
            momenta = (
                {number: buffers["momentum_buffer"] for number, buffers in saved["state"].items()}
                for saved in (restored, expected)
            )
            restored, expected = momenta
        assert same_weights(restored, expected), name


# Learning from a teacher


@pytest.fixture(scope="module")
def teacher(unbroken):
    return Committee([unbroken.best_model(), unbroken.average.module])


def test_a_committee_gives_the_mean_probabilities_of_its_networks(digits, unbroken, teacher):
    ink = digits[1].ink()
    with torch.no_grad():
        networks = [unbroken.best_model().eval(), unbroken.average.module.eval()]
        expected = torch.stack([network(ink).softmax(1) for network in networks]).mean(0)
    assert any(isinstance(module, torch.nn.Identity) for module in teacher.modules())
    torch.testing.assert_close(teacher(ink), expected, atol=1e-5, rtol=1e-4)


class AlwaysThree(Committee):
    """A teacher that reads every digit as a 3."""

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        return torch.eye(10)[torch.full((len(ink),), 3)]


def test_the_teachers_probabilities_are_learned_instead_of_the_labels(digits, unbroken):
    always_three = AlwaysThree([unbroken.best_model()])
    trainer = finish(Trainer(RECIPE, *digits, CPU, teacher=always_three))
    logits = trainer.average.module.eval()(digits[1].ink())
    assert (logits.argmax(1) == 3).all()
    assert state.provenance(trainer)["teacher"] == always_three.digests


def test_the_loss_compares_probabilities_at_the_temperature(teacher, digits):
    """With its factor, and for each row at its own temperature."""
    logits, ink = torch.randn(64, 10, requires_grad=True), digits[0][:64].ink()
    said = teacher(ink)
    temperatures = torch.where(torch.arange(64) % 2 == 0, 4.0, 1.0)
    softer = said ** (1 / temperatures[:, None])
    targets = softer / softer.sum(1, keepdim=True)
    log_probabilities = (logits / temperatures[:, None]).log_softmax(1)
    rows = (targets * (targets.log() - log_probabilities)).sum(1)
    loss = tempered_loss(logits, targets, temperatures)
    torch.testing.assert_close(loss, (temperatures**2 * rows).mean())
    torch.testing.assert_close(teacher.log_probabilities(ink), said.log(), atol=1e-4, rtol=1e-4)
    # At temperature 1 its gradient is that of the cross-entropy.
    (ours,) = torch.autograd.grad(tempered_loss(logits, said, torch.ones(64)), logits)
    (theirs,) = torch.autograd.grad(F.cross_entropy(logits, said), logits)
    torch.testing.assert_close(ours, theirs, atol=1e-7, rtol=1e-4)


@pytest.mark.long
def test_a_student_of_a_temperature_gets_closer_to_its_teacher(more_digits, unbroken):
    recipe = Recipe(**{**vars(RECIPE), "epochs": 5, "teacher_temperature": 4.0})
    taught = Committee([unbroken.model])
    trainer = finish(Trainer(recipe, *more_digits, CPU, PRECISION, teacher=taught))
    losses = [row["train_loss"] for row in trainer.history]
    assert 0 < losses[-1] < losses[0] / 2
    assert state.provenance(trainer)["teacher_temperature"] == 4


def test_classifiers_of_a_temperature_compute_in_float32(digits, unbroken, teacher):
    ink = digits[1][:20].ink()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = logits_in_float32(unbroken.model.eval(), ink)
        coarse = unbroken.model(ink)
        said = teacher.log_probabilities(ink)
    assert (logits.dtype, said.dtype, coarse.dtype) == (torch.float32, torch.float32, torch.bfloat16)
    assert not torch.equal(logits.bfloat16().float(), logits)
    torch.testing.assert_close(logits, coarse.float(), atol=0.05, rtol=0.05)


@pytest.mark.long
def test_a_student_may_have_another_width_than_its_teachers(digits, teacher):
    recipe = Recipe(**{**vars(RECIPE), "width": 2, "epochs": 1})
    wide = finish(Trainer(recipe, *digits, CPU, PRECISION, teacher=teacher))
    assert wide.best_model().width == 2
    narrow = finish(Trainer(RECIPE, *digits, CPU, PRECISION, teacher=Committee([wide.best_model()])))
    assert narrow.best_model().width == 1
    with pytest.raises(UserError, match="these weights are of width 2, and not of --width 1"):
        narrow.start_from(wide.model)


@pytest.mark.long
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_run_is_resumed_with_the_same_teacher_only(digits, unbroken, teacher, temperature):
    changed = {"augmentation": Augmentation(pen=0.5, mixup=0.5), "teacher_temperature": temperature}
    recipe = Recipe(**{**vars(RECIPE), **changed})
    whole = finish(Trainer(recipe, *digits, CPU, teacher=teacher))
    half = Trainer(recipe, *digits, CPU, teacher=teacher)
    half.train_epoch(should_stop=lambda: half.step == 2)
    resumed = Trainer(recipe, *digits, CPU, teacher=teacher)
    state.restore(resumed, state.take(half))
    assert same_weights(finish(resumed).best_weights, whole.best_weights)
    for other in (None, Committee([unbroken.model])):
        with pytest.raises(UserError, match="is of another teacher: it cannot"):
            state.restore(Trainer(recipe, *digits, CPU, teacher=other), state.take(half))


def test_sources_of_digits_are_passed_on_from_weights_to_weights(digits, unbroken):
    """With their credits, from initial weights and teachers, also after a resume."""
    ada, bo = ({"name": name, "digits": 3, "sha256": "00", "credit": name} for name in ("Ada", "Bo"))
    assert state.provenance(unbroken)["ink"] == []
    taught = Trainer(RECIPE, *digits, CPU, teacher=Committee([unbroken.model], [ada, bo, ada]))
    assert state.provenance(taught)["ink"] == [ada, bo]
    taught.start_from(unbroken.model, [bo])
    assert state.provenance(taught)["ink"] == [bo, ada]
    resumed = Trainer(RECIPE, *digits, CPU, teacher=taught.teacher)
    state.restore(resumed, state.take(taught))
    assert state.provenance(resumed)["ink"] == [bo, ada]


def test_without_validation_images_the_last_epoch_is_kept(digits):
    trainer = finish(Trainer(RECIPE, digits[0], digits[1][:0], CPU))
    assert trainer.best is trainer.history[-1]
    assert same_weights(trainer.best_weights, trainer.average.module.state_dict())
    assert [row["val_loss"] for row in trainer.history] == [None, None]
