"""分群: rules that were given a name; built in rows, or written in a line."""
