"""What answers behind an endpoint: a model's instances, kept alive on this machine or on Ray."""
