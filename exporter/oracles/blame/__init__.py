"""Which vector an error comes from: hybrid runs, and what is wrong with the vectors at fault."""
