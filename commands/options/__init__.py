"""The options of the command line: those that verbs share, and a module for each that has many."""
