"""Which venues fill an order of an instrument that several of them trade, and how much each."""
