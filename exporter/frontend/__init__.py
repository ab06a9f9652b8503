"""An ONNX file to the network in real numbers, recognised by dataflow.

May import `numbers`, `ir` and `passes`.
"""
