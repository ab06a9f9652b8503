"""What the verbs from `export` to `bench` do."""
