"""What a stack should consist of, and what its status says."""
