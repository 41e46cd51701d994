"""A client of the OCI distribution protocol: what builds need of it, and no more (docs/decisions/0009).

Errors of this package tell the HTTP status and the error codes that the specification lists, never what a server
wrote: a repository's name may point anywhere, and a build's messages are shown to whoever may read the stack.
"""
