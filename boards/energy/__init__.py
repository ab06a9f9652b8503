"""The time and the energy of a step: estimated from what is published, or from a meter's trace.

May import `descriptors` and `profiling`.
"""
