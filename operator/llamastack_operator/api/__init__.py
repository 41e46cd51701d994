"""The resources of `llamastack.dev/v1alpha1` as pydantic models, their conditions and their CRDs."""
