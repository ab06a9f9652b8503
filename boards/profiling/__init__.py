"""What one step costs, and the proof that its path through the code is the same for all data.

May import `descriptors`, `machine_code`, `firmware` and `emulation`.
"""
