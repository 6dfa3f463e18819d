"""What each command of the CLI does; bot.cli only names them."""
