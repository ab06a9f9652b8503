"""What one step costs, and the proof that its path does not depend on the data.

May import `descriptors`, `firmware` and `emulation`.
"""
