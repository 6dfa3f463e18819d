"""The domain: who, what, when, may we, what came back, was it worth it. No network, no environment, no clock."""
