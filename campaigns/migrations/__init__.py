"""Schema history, applied by Tortoise (design: generated migrations only add; the rest is written by hand)."""
