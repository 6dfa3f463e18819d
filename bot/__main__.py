"""python -m bot is the same as huifang."""

from bot.cli import main

main()
