"""Images in fixed point: where convolutions saturate, and the maps of channels as integers."""
