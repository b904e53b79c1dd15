"""The studio: the workspace over HTTP, and the pages that show it; `GET /api/openapi.json` tells all routes."""
