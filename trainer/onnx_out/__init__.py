"""From torch to the ONNX file of one step.

May import `wiring`, `cells` and `networks`.
"""
