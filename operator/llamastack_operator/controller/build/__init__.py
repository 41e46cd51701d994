"""One pass of a build, and the queue and workers that run them."""
