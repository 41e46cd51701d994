"""The reconcile loop: handlers enqueue, a pass gathers, plans and applies, and writes the status once."""
