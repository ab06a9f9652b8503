"""Executions to compare with, golden vectors, and what the integers cost.

May import everything in `exporter` but `codegen`.
"""
