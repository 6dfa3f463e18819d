"""任务: return visits and everything that needs a call."""
