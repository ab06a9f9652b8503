"""Hardware-in-the-loop tests: the wire protocol, the link, and the test suite that compares
every bit that a board computes with the reference. May import `exporter` and `boards`."""
