"""Find the page that shows it: visual document retrieval by late interaction."""
