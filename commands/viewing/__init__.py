"""What `inspect`, `drive` and `monitor` do."""
