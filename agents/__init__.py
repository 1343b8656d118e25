"""Executables that speak docs/agent-protocol.md. They import only the standard library and run in any sandbox."""
