"""Starting providers as the release does: instances, protocol compliance, and the check at pod start."""
