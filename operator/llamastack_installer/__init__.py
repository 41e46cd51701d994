"""Installs one layer of a stack's image: provider packages and what they need, and nothing that the base has.

It runs inside the base image, whatever that is, as a zipapp (`install.pyz`) that the operator's image brings
along with pip. So it needs the standard library only; the one other package in the zipapp is the resolver,
which reads the specs of the modules that were installed. `docs/images.md` shows the flow.
"""
