"""A circuit of 19 neurons that keeps a car on a winding road."""
