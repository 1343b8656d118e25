"""Work that arrives by itself: kept before it is answered, started once each, and looked at."""
