"""Completion in the shells themselves: zsh and fish are Debian packages, installed where they are missing."""
