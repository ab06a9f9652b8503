"""Training on the integers of the device, and within its limits of synapses, time and flash.

May import `networks` and `onnx_out`, and `checkpoint`, `fit`, `progress` and
`straight_through` beside them.
"""
