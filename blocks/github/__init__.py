"""GitHub: what its forge and its tracker share, and each of their parts."""
