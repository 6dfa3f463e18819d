"""The REST interface under /api/v1: what another program may send in batches and read in pages."""

from bot.web.api.routing import routes

__all__ = ["routes"]
