"""Programs of ours as single files, for images and pods: the same bytes for the same sources."""
