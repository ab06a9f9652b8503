"""What a firmware gets besides the step: the runtime, and headers that convert at the border.

May import `numbers` and `ir`.
"""
