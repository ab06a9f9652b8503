"""What a network does, to look at: pages, a live drive, a monitor in the terminal.

Inside, a stage imports only those before it: analysis, wasm, pages, live.
"""
