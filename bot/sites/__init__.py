"""A recruiting site's own database, read over a connection that cannot write: 74cms and PHPYun."""
