"""结果: what came of a contact, the problems, promises and plans that were heard of, and their numbers."""
