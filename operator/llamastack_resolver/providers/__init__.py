"""Which provider types there are, and whether each entry of a run config is right."""
