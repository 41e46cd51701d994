"""The layers of an image, as bytes: which files, in which order, archived and compressed the same everywhere."""
