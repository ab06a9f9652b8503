"""How well networks of several cells hold their line when the world is not as it was in training.

`effects` says what disturbs, a `World` is a task that is trained and disturbed, `plan` lists the
trainings of a study, `campaign` runs them, `report` and `pictures` say what came out. May import
every stage but `search`.
"""
