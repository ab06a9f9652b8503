"""A circuit that tells four activities apart from a smartwatch's recordings."""
