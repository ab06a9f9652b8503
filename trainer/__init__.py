"""Liquid networks in PyTorch: wiring, cells, tasks, training, and the way out as ONNX."""
