"""Tools that keep their cache as files in a directory, and offer nothing to hook into."""
