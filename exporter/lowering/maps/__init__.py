"""Real maps to integers: the scale of each row, and what all weights of a row are rounded to."""
