"""One module for each page of the studio, and for what all pages ask for."""
