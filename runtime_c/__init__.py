"""Data only: the C kernels, each the exact twin of the op of the same name."""
