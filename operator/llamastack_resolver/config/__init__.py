"""The run config: its shape, its variables and its sections against the release's schemas."""
