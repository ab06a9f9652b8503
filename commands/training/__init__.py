"""What `train`, `robust` and `sweep` do."""
