"""Work that arrives by itself: what a delivery must prove, which rule fits it, and what that starts."""
