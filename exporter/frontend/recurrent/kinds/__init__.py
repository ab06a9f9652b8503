"""The recurrences that a graph can have, a file for each kind: nodes with a state, and loops."""
