"""Write the gradients of one training step to a file: `gradients.py FILE BATCH_NORM THREADS`.

Alone or under torchrun. BATCH_NORM is "sync" for statistics over the whole batch, or "local".
"""

import sys

import torch

from data import load_training
from training.augmentation import Augmentation
from training.distributed import World, join_world, leave_world
from training.recipe import Recipe
from training.replicas import SMALLEST_SHARE
from training.trainer import Trainer


def main(world: World, device: torch.device) -> None:
    train, validation = load_training("digits", None)
    sync = sys.argv[2] == "sync"
    size = 32 if sync else 2 * SMALLEST_SHARE  # few, since rounding may move a feature across ReLU's kink
    recipe = Recipe(
        epochs=1, batch_size=size, dropout=0, sync_batch_norm=sync, augmentation=Augmentation(erase=0.5)
    )
    trainer = Trainer(recipe, train[:size], validation[:11], device, world=world)
    trainer.train_epoch()
    row = trainer.finish_epoch()
    row = {key: row[key] for key in ("train_loss", "train_error", "val_loss", "val_errors", "lr")}
    if world.is_main:
        gradients = {name: parameter.grad for name, parameter in trainer.model.named_parameters()}
        buffers = dict(trainer.model.named_buffers())
        torch.save({"gradients": gradients, "buffers": buffers, "row": row}, sys.argv[1])


torch.set_num_threads(int(sys.argv[3]))
torch.channels_last = torch.contiguous_format  # its kernels round in the same way for any batch size
world, device = join_world(torch.device("cpu"))
main(world, device)
leave_world(world)
