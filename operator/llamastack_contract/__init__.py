"""All that the operator, a build's pod, a stack's pod and the command line say to each other, each of it once.

It travels in every zipapp and runs inside other people's images, so it stands on the standard library alone and
imports nothing of ours. Who reads a document that a stranger may have written checks more than its shape, on top of it.
`docs/decisions/0012-contract.md` says why this is a package of its own.
"""
