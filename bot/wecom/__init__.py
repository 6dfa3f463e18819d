"""WeCom beside the planner and the sender: words to our staff, tasks they confirm, the customer service's messages."""
