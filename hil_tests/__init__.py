"""Hardware in the loop: the wire protocol, the link, and the suite that compares every bit."""
