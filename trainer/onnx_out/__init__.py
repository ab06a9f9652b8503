"""Export: one step of a torch network as a checked ONNX file with its interface.

May import `wiring`, `cells` and `networks`.
"""
