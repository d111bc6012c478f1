"""What train.py prints while it trains."""

from datetime import timedelta

from tqdm import tqdm

from common.device import describe_device
from training.optimizer import OPTIMIZERS
from training.trainer import CHECK_EVERY, Trainer


def print_setup(trainer: Trainer, run: str) -> None:
    """Print what trains on what; `run` is the text of the last line."""
    recipe, train = trainer.recipe, trainer.train_images
    data = "MNIST" if train.dataset == "mnist" else "scikit-learn's digits, NOT MNIST"
    extra = f" and {trainer.extra_count:,} of other people's digits" if trainer.extra_digits else ""
    if trainer.made:
        extra += f", {trainer.made.digits:,} made digits and {trainer.made.non_digits:,} that are none"
    processes = f", {trainer.world.size} processes" if trainer.world.size > 1 else ""
    precision = "bfloat16 mixed precision" if trainer.autocast else "float32"
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    wide = f" of width {recipe.width}" if recipe.width > 1 else ""
    epochs = f"{recipe.epochs} {'epoch' if recipe.epochs == 1 else 'epochs'}"
    if recipe.epoch_images:
        epochs += f" of {min(recipe.epoch_images, trainer.image_count):,} images"
    at = f", going on after epoch {trainer.epoch}, step {trainer.step}"
    if trainer.epoch >= recipe.epochs:
        at = ", whose epochs are all trained"
    print(
        f"device   {describe_device(trainer.device)}{processes}, {precision}\n"
        f"data     {data}: {len(train):,} images{extra} to train on, "
        f"{len(trainer.validation_images):,} to validate on\n"
        f"network  ImprovedResNet18{wide}, {parameters:,} parameters\n"
        f"recipe   {epochs}, batch {recipe.batch_size}, {OPTIMIZERS[recipe.optimizer]}, "
        f"peak learning rate {recipe.lr:g}, seed {recipe.seed}\n"
        f"run      {run}{at if trainer.epoch or trainer.step else ''}",
        flush=True,
    )


def epoch_bar(trainer: Trainer) -> tqdm:
    """Return a progress bar over the steps of an epoch, which is shown if stderr is a terminal."""
    return tqdm(
        total=trainer.steps_per_epoch,
        initial=trainer.step,
        desc=f"epoch {trainer.epoch + 1}/{trainer.recipe.epochs}",
        unit="step",
        leave=False,
        disable=None if trainer.world.is_main else True,  # None disables it without a terminal
    )


def advance(bar: tqdm, trainer: Trainer) -> None:
    """Advance the bar by a step, and from time to time show the mean loss."""
    if not bar.disable and trainer.step % CHECK_EVERY == 0:  # when a GPU has just waited anyway
        loss = float(trainer.totals[0]) / trainer.step
        bar.set_postfix_str(f"loss {loss:.4f}, lr {trainer.lr:.4f}", refresh=False)
    bar.update()


def print_epoch(trainer: Trainer) -> None:
    """Print the figures of the last completed epoch in one line."""
    row, epochs = trainer.history[-1], trainer.recipe.epochs
    best = trainer.best is row and trainer.recipe.keep == "best" and row["val_loss"] is not None
    left = trainer.total_seconds() / trainer.epoch * (epochs - trainer.epoch)
    validated, validation = len(trainer.validation_images), ""
    if validated:
        validation = f"val loss {row['val_loss']:.4f}  val errors {row['val_errors']:,} of {validated:,}  "
    print(
        f"epoch {trainer.epoch:{len(str(epochs))}}/{epochs}  train loss {row['train_loss']:.4f}  "
        f"{validation}lr {row['lr']:.4f}  {row['images_per_second']:,.0f} img/s  "
        f"left {as_time(left)}{'  (best)' if best else ''}",
        flush=True,
    )


def as_time(seconds: float) -> str:
    """Format a time as in "0:04:31"."""
    return str(timedelta(seconds=round(seconds)))
