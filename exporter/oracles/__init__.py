"""Reference executions, golden vectors, and reports on what quantisation costs.

May import everything in `exporter` but `codegen`.
"""
