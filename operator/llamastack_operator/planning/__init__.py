"""Decides what there should be. Pure: no client, no clock, no file but the package's own data.

The operator's passes and the command line plan by the same code, so what one would do the other can show.
"""
