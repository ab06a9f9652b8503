"""What cells are made of: one file for each activation and each gate, with all that is known of it.

An atom's file has its parts, its value in real numbers, its range, its formats, how it is
recognised, how it is lowered to fixed-point steps, and the reason that the range report gives.
The folders `activations` and `gates` are the registries: adding one is adding its file. What
several of them share is in `shared`.

May import `numbers`, `ops` and `ir`.
"""
