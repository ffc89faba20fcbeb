"""Language models of providers, asked over HTTP, and what they cost."""
