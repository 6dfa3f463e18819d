"""Until a person releases it, a restored copy says everywhere that it waits, and starts nothing."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.commands import backing_up, campaigning
from bot.commands.doctor import examine
from bot.commands.serving import run_up
from bot.database import open_database
from bot.runtime import open_runtime
from bot.settings import Settings
from bot.worker import drain, plan, recover, ring_due
from campaigns import marks, restored
from campaigns.errors import StateError
from campaigns.models import Campaign, Message, Occurrence
from campaigns.terms import ChannelName
from tests.cast import crowd, put_on_the_wire, run_tiny, states
from tests.conftest import copy_file
