"""Self-contained pages (HTML with its data, script and style). May import analysis and wasm."""
