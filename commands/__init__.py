"""What the verbs of the command line do, by their groups, and what they share: how errors end."""
