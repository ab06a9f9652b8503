"""One task a file: where its data come from, and what it trains."""
