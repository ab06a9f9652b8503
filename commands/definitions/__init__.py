"""The verbs as click sees them: options, help text, example, and a call of what does the work.

Slow imports stand inside the functions, so that --help is fast.
"""
