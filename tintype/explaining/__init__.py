"""Why a model answers as it does: attributions, their pictures, and how faithful they are."""
