"""From the graph of a whole sequence to that of one step: ONNX in, ONNX out.

May import what the frontend may. `find_step` (`find.py`) is the door. `series/` has the tensors of
a sequence, `walk.py` follows them through a graph, and `kinds/` has a file for each recurrence.
"""
