"""How a stack's image comes to be: the programs of a build's pod, and the registry client that they share.

The operator's own process never talks to a registry or an index that a tenant names. Pods in the tenant's namespace
do, under its network rules; `python3 -m llamastack_operator.images` is what they run.
"""
