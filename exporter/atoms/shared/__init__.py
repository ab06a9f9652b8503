"""What several gates or activations share: formats, spans, results of 32 bits, tables."""
