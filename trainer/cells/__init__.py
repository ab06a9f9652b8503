"""The recurrent cells (CfC, LTC, CTRNN, GRU, LSTM, MLP) and the heads in front of them.

May import `wiring` and `kernels`.
"""
