"""What the tests of pages and of the live view share."""
