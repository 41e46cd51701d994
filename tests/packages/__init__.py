"""Little provider packages and package indexes for tests, made from nothing but what is written here.

Real wheels and source distributions, that the real pip installs and that real releases of Llama Stack and OGX
load; so a test needs no package of somebody else, and can have each way of being wrong.

- `tests.packages.build`: makes wheels and source distributions, the same bytes each time.
- `tests.packages.providers`: provider packages that work, and one for each mistake; `all_packages(folder)`.
- `tests.packages.index`: `write_index(packages, folder)` makes a static package index (PEP 503) that any HTTP
  server can serve, such as one inside a node; `PackageIndex` serves one over loopback, with basic
  authentication, TLS and faults.
"""
