"""What the pods of a stack run: an image as it is, or one to be built, and which builds that takes."""
