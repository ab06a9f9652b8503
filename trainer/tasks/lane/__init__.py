"""Task `lane`: a circuit of 19 neurons keeps a car on a winding road."""
