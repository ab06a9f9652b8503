"""The tasks that `elegans train` knows: a folder each, with its data and its training.

`TASKS` names those with a training of their own and `train` runs one; `RECORDED` names those on
published recordings, which `learn.Trainer` trains. None imports torch before it is needed.
May import every other stage of `trainer`.
"""

from elegans.trainer.tasks.registry import RECORDED, TASKS, Task, TrainOptions, train

__all__ = ["RECORDED", "TASKS", "Task", "TrainOptions", "train"]
