"""Results of runs that are too slow for a page, each with the script that made it."""
