"""The recurrent cells: CfC, LTC, CTRNN, GRU, LSTM, and the heads in front of them.

May import `wiring`.
"""
