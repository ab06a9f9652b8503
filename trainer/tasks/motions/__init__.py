"""Task `motions`: a circuit recognises four activities in a smartwatch's recordings."""
