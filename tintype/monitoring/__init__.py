"""Models watched after they are served: drift, and accuracy without labels and with them."""
