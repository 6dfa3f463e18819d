"""招聘会: the fairs there are, a new one, one of them, who is invited to it."""
