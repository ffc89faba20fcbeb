"""The nouns of a decision: frozen values and the error tree; imports nothing of ours."""
