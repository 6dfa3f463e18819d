"""What comes back: stored once, matched, touched, understood, acted upon.

Nothing is imported here: a process that only sends needs `receipts`, and must not load the classifier `reading` needs.
"""
