"""One provider each, out and in. Channels know nothing of members, campaigns or the database."""
