"""What a build needs next, why a try of it failed, and what came of one that succeeded."""
