"""What torch finds in place of compiling."""
