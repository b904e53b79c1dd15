"""Pages for the browser: static files and the headers they are served with."""
