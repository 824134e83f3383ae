"""Finding pages: search, and showing what was found."""
