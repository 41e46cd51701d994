"""What a spec says and refers to: its run config, providers, files and other objects."""
