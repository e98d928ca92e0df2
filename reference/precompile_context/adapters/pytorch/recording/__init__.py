"""What torch compiled, what of it is an artifact, and why it was compiled."""
