"""Training on the user's own recordings: from a `DataSet` to files that can be exported.

`Trainer` does all of it. May import every stage but `tasks`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Keeping", "Trainer"]


def __getattr__(name: str) -> Any:
    """Import `Trainer` when it is first used: importing this package imports no torch."""
    if name in __all__:
        from elegans.trainer.learn import trainer

        return getattr(trainer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
