"""The runtime: everything that talks to the outside."""
