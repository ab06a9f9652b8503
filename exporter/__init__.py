"""ONNX step graph in, proved fixed-point model and C out. Never imports torch."""

import os

# onnxruntime would tell its maker about models and machines; it asks this when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
