"""What the verbs of the command line share: options, and how errors end."""
