"""A strict, stateful simulator of the OCS Observation Portal; `app.LCOPortal` is the server."""
