"""One pipeline a module, and the interpreter that all of them share."""
