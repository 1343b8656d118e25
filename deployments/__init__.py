"""How runs start: set-up of the blocks, a local server, the command line, the demonstration."""
