"""The whole way in one command: train, export, boot, compare every bit, drive the car."""
