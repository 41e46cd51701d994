"""What the operator says of itself, for Prometheus, and whether it is ready."""
