"""From an ONNX file to the network in real numbers, recognised by its dataflow.

May import `numbers`, `ir`, `atoms` and `passes`.
"""
