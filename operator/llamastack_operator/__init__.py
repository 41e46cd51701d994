"""The LlamaStack operator: LlamaStack resources in, running Llama Stack servers out."""
