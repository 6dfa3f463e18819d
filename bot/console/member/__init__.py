"""One member on a page of its own, and what is done there."""
