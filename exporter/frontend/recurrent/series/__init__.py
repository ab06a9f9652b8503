"""The tensors of a sequence: which axis of each is time, how it moves, what one step has of it."""
