"""The package index that stands beside an installation, and alone holds the credentials of the real ones."""
