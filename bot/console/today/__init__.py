"""今日: what needs a person now, what goes out today, who came back."""
