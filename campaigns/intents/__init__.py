"""What a reply means, from a keyword table that staff can edit and a classifier trained on its examples behind it."""

from campaigns.intents.reading import IntentTable, Reading, load_table, read_intent
from campaigns.intents.table import StopVerdict

__all__ = ["IntentTable", "Reading", "StopVerdict", "load_table", "read_intent"]
