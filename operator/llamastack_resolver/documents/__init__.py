"""What a user hands in: read, told for which release it is, completed, and resolved with places the user knows."""
