"""Rows of few synapses as lines of C, with their weights as constants in the code."""
