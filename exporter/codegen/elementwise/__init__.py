"""Steps that read element i for element i: their order, and one loop for several of them."""
