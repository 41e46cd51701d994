"""A release that is installed here, and the provider modules beside it."""
