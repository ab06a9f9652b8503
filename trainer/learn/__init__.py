"""Training on the user's own recordings: from a `DataSet` to files that can be exported.

`Trainer` does all of it. May import every stage but `tasks`.
"""
