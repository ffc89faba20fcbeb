"""The outside in our words: files, venues, stores and models behind the ports of the inside."""
