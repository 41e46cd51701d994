"""What the resolver says of a stack: the question, the answer, and both as JSON. Pure but for the catalog."""
