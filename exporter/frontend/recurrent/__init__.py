"""From the graph of a whole sequence to that of one step: ONNX in, ONNX out.

May import what the frontend may. `find_step` (`find.py`) is the door; `walk.py` follows the time
axis through a graph, and there is a file for each kind of recurrence.
"""
