"""Search by accuracy, instructions and flash. May import all stages before it."""
