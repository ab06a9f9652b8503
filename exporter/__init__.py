"""From an ONNX graph of one network step to a proved fixed-point model and its C code.

May import `runtime_c` and `firmware_templates` as data, and never torch.
"""

import os

# Switch off onnxruntime's telemetry. It reads this variable when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
