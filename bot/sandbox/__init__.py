"""Strict local stand-ins for the providers. They share no code with bot.channels."""
