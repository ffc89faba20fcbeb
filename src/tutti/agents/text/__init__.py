"""Text: where it comes from, what it says, and how it becomes an opinion."""
