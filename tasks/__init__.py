"""One step a module: load the block, call it, return a contract."""
