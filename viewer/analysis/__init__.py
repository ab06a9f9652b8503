"""What there is to see in a BUILD: circuit, time constants, shares, cuts. Imports exporter only."""
