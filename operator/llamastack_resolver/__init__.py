"""Resolves the providers of a Llama Stack run config, for every release, without importing the operator."""
