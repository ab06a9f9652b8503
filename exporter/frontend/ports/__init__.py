"""What the inputs and outputs of a graph are: sensors, states, elapsed time, outputs."""
