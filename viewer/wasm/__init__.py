"""The C of a BUILD as WebAssembly. May import analysis, and the compiler of boards."""
