"""Tasks on published recordings: what they are, where they are from, and an honest split."""
