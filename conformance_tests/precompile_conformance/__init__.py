"""Tools that test any implementation of the bundle format; nothing here imports one."""
