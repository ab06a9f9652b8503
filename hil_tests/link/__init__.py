"""Reliable requests over an unreliable line.

The host's side of the protocol: retransmission, flow control, baud rate, error diagnosis.
May import `wire`.
"""
