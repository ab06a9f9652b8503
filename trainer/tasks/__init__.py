"""The tasks that `elegans train` knows: a folder each, with its data and its training.

`TASKS` names them all and `train` runs one; neither imports torch before it is needed.
May import every other stage of `trainer`.
"""

from elegans.trainer.tasks.registry import TASKS, Task, TrainOptions, train

__all__ = ["TASKS", "Task", "TrainOptions", "train"]
