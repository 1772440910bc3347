"""Bearer token -> principal."""
