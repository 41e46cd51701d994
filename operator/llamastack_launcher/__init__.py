"""Runs in a stack's pods: starts the server, does the duties of a container's first process, and says why it failed.

It travels in the start program (`llamastack_operator/packed/`), beside the resolver, into images of any make. Each
start of each server waits for it, so it imports as little as it can: an image may have no bytecode even of Python's
own modules. `docs/decisions/0020-launcher.md` says why there is one.
"""
