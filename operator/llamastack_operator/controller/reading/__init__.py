"""Reads stacks in processes of their own, so that no text of a tenant can stop, slow down or bloat the operator."""
