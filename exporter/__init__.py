"""ONNX step graph in, proved fixed-point model and C out. Never imports torch."""
