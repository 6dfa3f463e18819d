"""Webhooks on the wire: where they may lead, how they are signed, and what becomes of each delivery."""
