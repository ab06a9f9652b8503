"""A board that is watched while it runs: server and terminal. May import pages, hil_tests."""
