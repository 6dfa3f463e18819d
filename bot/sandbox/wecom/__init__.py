"""WeCom (企业微信): a strict stand-in for one corporation, its staff, its customers and its callbacks."""
