"""One task a file: where its data come from, and what it trains.

`TASKS` names them all and `train` runs one; neither imports torch before it must.
"""

from elegans.trainer.tasks.registry import TASKS, Task, train

__all__ = ["TASKS", "Task", "train"]
