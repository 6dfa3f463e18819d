"""A strict stand-in for a mailbox at a provider, read over IMAP4rev1 (RFC 3501)."""
