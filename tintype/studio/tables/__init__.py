"""Tables of pictures as the studio shows them: read, looked at and mapped by processes beside the server, kept in its cache."""
