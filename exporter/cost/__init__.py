"""What a step costs on a core, estimated from the plan of its code, without a compiler.

May import `numbers`, `ops`, `ir` and `codegen`.
"""
