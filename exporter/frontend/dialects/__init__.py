"""Other spellings of ONNX as the one that the importer reads: older opsets, fused operators.

May import the stages before `frontend`, and of it only `open_file` and `reader`.
"""
