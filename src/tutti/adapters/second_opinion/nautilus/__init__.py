"""Replays orders on NautilusTrader: a program of its own, run as ``python nautilus FOLDER``.

It imports nothing of Tutti, so that any Python with NautilusTrader can run it; its modules name each
other by where they stand, as a part of Tutti and as that program. It reads what it needs from the
folder: ``request.json`` (contract terms, costs, orders, never fills) and ``market.npz`` (bars). It
leaves ``reply.json`` and ``reply.npz``.

NautilusTrader matches the orders, charges them, keeps positions and balances. Each bar is put to it
as four states of the order book, open, high, low, close, as it does with bars itself, but apart in
time: an order can then arrive with the open, where its own decomposition only lets it arrive after
the close. What it has no model of is given to it by its own means: taker costs and the limit on
volume as a fill model, funding as adjustments of the account, forced closes as orders.
"""
