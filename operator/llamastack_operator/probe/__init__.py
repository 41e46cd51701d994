"""The bounded look at a running server: the only place where the operator talks to what tenants run."""
