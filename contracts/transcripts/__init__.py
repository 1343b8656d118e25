"""One reader for each program of an agent: its output in, how the turn ended out."""
