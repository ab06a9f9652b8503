"""What a firmware gets besides the step: the runtime, headers that convert at the border,
and a block of weights that can be replaced.

May import `numbers` and `ir`.
"""
