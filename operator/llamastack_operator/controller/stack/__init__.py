"""One pass of a stack: collect, plan, apply, report."""
