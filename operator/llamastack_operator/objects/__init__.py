"""What is kept of the cluster's objects: slim, immutable records, read from their bodies. Pure.

Planning decides on these alone, so that neither it nor the command line needs a client of the API server.
"""
