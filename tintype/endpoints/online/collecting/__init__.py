"""What instances record of their requests, handed to one process that writes for all of them."""
