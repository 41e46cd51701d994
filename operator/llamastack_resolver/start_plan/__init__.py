"""What starts, in which order, and what is missing for it."""
