"""Pure builders of the objects that a stack is made of: spec in, manifests out, no I/O."""
