"""Write the gradients of one training step to a file: `gradients.py FILE`, alone or under torchrun."""

import sys

import torch

from data import load_training
from training.augmentation import Augmentation
from training.distributed import World, join_world, leave_world
from training.recipe import Recipe
from training.trainer import Trainer


def main(world: World, device: torch.device) -> None:
    train, validation = load_training("digits", None)
    recipe = Recipe(epochs=1, batch_size=32, dropout=0, augmentation=Augmentation(erase=0.5))
    trainer = Trainer(recipe, train[:32], validation[:11], device, world=world)
    trainer.train_epoch()
    row = trainer.finish_epoch()
    row = {key: row[key] for key in ("train_loss", "train_error", "val_loss", "val_errors", "lr")}
    if world.is_main:
        gradients = {name: parameter.grad for name, parameter in trainer.model.named_parameters()}
        buffers = dict(trainer.model.named_buffers())
        torch.save({"gradients": gradients, "buffers": buffers, "row": row}, sys.argv[1])


torch.set_num_threads(1)
torch.channels_last = torch.contiguous_format  # its kernels round in the same way for any batch size
world, device = join_world(torch.device("cpu"))
main(world, device)
leave_world(world)
