"""Search by error, instructions and flash: many trainings, and the best trade-offs among them.

`sweep.Sweep` runs it, `front` says which trials are best, `pick` takes one within a budget. No
module here imports torch or optuna before it is needed. May import all stages before it.
"""
