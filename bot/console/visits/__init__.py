"""拜访: the calendar of visits, one of them, what could not be kept, who is away."""
